// Failures of data repositories that a caller tells apart by more than their code: the command line maps each to DVC's
// exit code.
#pragma once

#include "base/error.h"

namespace fettle::data {

// 253: no `.dvc` here or in any folder above.
class NotInRepository : public Failure {
 public:
  using Failure::Failure;
};

// 251: `.dvc/config` or one of its levels cannot be read, or names something that is not there.
class ConfigFailure : public Failure {
 public:
  using Failure::Failure;
};

// 255: another process holds the repository, or a path in it.
class LockFailure : public Failure {
 public:
  using Failure::Failure;
};

// 255: a directory holds what a tracked one may not.
class CollectFailure : public Failure {
 public:
  using Failure::Failure;
};

// 255: outputs could not be brought into the workspace; details hold one output each.
class CheckoutFailure : public Failure {
 public:
  using Failure::Failure;
};

}  // namespace fettle::data
