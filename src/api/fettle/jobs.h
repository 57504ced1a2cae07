// jobs (docs/rest.md 11).
#pragma once

#include <vector>

#include "http/router.h"
#include "jobs/jobs.h"

namespace fettle::api {

// Jobs run commands of the caller: refused with permission_denied unless `allowed` (the server is bound to loopback).
std::vector<http::Route> job_routes(jobs::Jobs& jobs, bool allowed);

}  // namespace fettle::api
