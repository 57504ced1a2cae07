// One stage brought up to date: skipped, restored, or executed.
#pragma once

#include "pipelines/repro.h"

namespace fettle::pipelines {

class StageRunner {
 public:
  StageRunner(Project& project, const ReproOptions& options, const ReproEdge& edge)
      : project_(project), options_(options), edge_(edge) {}

  // Whether anything was done. `force` runs the commands even if nothing changed.
  bool bring_up_to_date(size_t stage, bool force);
  const std::vector<std::filesystem::path>& changed_files() const { return changed_files_; }

 private:
  bool is_changed(const Stage& stage) const;
  bool bring_data(Stage& stage, size_t index, bool force);
  void check_inputs(const Stage& stage) const;
  void remove_outputs(const Stage& stage);
  bool restore(Stage& stage);
  std::optional<LockEntry> restorable(Stage& stage) const;
  void execute(Stage& stage);
  void run_commands(const Stage& stage, const std::string& id, StageReport& report);
  void record(Stage& stage, bool ran);
  void save_lock(Stage& stage);
  void note_changed(const std::filesystem::path& file);

  Project& project_;
  const ReproOptions& options_;
  const ReproEdge& edge_;
  std::vector<std::filesystem::path> changed_files_;
};

}  // namespace fettle::pipelines
