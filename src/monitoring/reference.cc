#include "monitoring/reference.h"

#include <algorithm>
#include <cmath>

#include "base/log.h"

namespace fettle::monitoring {
namespace {

std::string cache_key(const ReferenceQuery& q, std::string_view version) {
  return fmt::format("{}/{}\n{}\n{}", q.model, version, q.artifact, q.artifact.empty() ? q.endpoint : "");
}

}  // namespace

const std::vector<double>& ProfiledReference::sorted(const std::string& column) const {
  std::lock_guard lock(mutex_);
  auto [at, is_new] = sorted_.try_emplace(column);
  if (is_new) {
    if (const stats::Column* found = table->find(column); found != nullptr && found->numeric) {
      for (double v : found->numbers) {
        if (std::isfinite(v)) at->second.push_back(v);
      }
      std::sort(at->second.begin(), at->second.end());
    }
  }
  return at->second;
}

std::shared_ptr<const ProfiledReference> ReferenceCache::get(const ReferenceQuery& query, std::string& reason) {
  auto find = [&](const std::string& key) -> std::shared_ptr<const ProfiledReference> {
    std::lock_guard lock(mutex_);
    for (const auto& [k, profile] : profiles_) {
      if (k == key) return profile;
    }
    return nullptr;
  };
  if (auto known = find(cache_key(query, query.version))) return known;
  std::optional<Reference> found;
  try {
    found = source_.reference(query);
  } catch (const Failure& failure) {
    reason = failure.what();
    log_warn("the training reference cannot be read",
             {{"model", query.model}, {"version", query.version}, {"error", failure.what()}});
    return nullptr;
  }
  if (!found || !found->table || found->table->rows() == 0) {
    reason = fmt::format("version '{}' of model '{}' has no reference data", query.version, query.model);
    return nullptr;
  }
  std::string key = cache_key(query, found->version);
  if (auto known = find(key)) return known;
  auto profiled = std::make_shared<ProfiledReference>();
  profiled->version = found->version;
  profiled->run_id = found->run_id;
  profiled->table = found->table;
  profiled->profile = stats::profile_table(*found->table);
  std::lock_guard lock(mutex_);
  profiles_.emplace_back(key, profiled);
  if (profiles_.size() > limit_) profiles_.erase(profiles_.begin());
  return profiled;
}

}  // namespace fettle::monitoring
