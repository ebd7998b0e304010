#include "codec/isolated/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgets that C++ includes it
}

extern char** environ;

namespace smol {
namespace {

constexpr int kFirstDescriptor = 3;
/// The child's descriptors are copied from here on, above all their targets.
constexpr int kCopiesFrom = 64;

struct Descriptors {
  ~Descriptors() {
    for (const int descriptor : open) close(descriptor);
  }
  std::vector<int> open;
};

/// posix_spawn and not fork: the caller has threads.
int spawn(const std::string& program, const std::vector<std::string>& arguments, const std::vector<int>& descriptors,
          pid_t& pid) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (!kSanitized) posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  int target = kFirstDescriptor;
  for (const int descriptor : descriptors) posix_spawn_file_actions_adddup2(&actions, descriptor, target++);
  posix_spawn_file_actions_addclosefrom_np(&actions, target);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

  std::vector<char*> words;
  words.push_back(const_cast<char*>(program.c_str()));
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  const int result = posix_spawn(&pid, program.c_str(), &actions, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return result;
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) {
    const char* const name = sigabbrev_np(WTERMSIG(status));
    return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(WTERMSIG(status));
  }
  return "exit status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Status ChildProcess::start(const std::string& program, const std::vector<std::string>& arguments,
                           const std::vector<int>& shared) {
  kill_and_reap();
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    return Error{ErrorCode::kIo, std::string("cannot talk to a decoder process: ") + strerror(errno), Stage::kDecode};
  }
  socket_ = pair[0];
  Descriptors copies;
  copies.open.push_back(pair[1]);
  std::vector<int> wanted{pair[1]};
  wanted.insert(wanted.end(), shared.begin(), shared.end());
  std::vector<int> given;
  for (const int descriptor : wanted) {
    const int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, kCopiesFrom);
    if (copy < 0) {
      forget();
      return Error{ErrorCode::kIo, std::string("cannot hand memory to a decoder process: ") + strerror(errno),
                   Stage::kDecode};
    }
    copies.open.push_back(copy);
    given.push_back(copy);
  }
  pid_t pid = -1;
  const int result = spawn(program, arguments, given, pid);
  if (result != 0) {
    forget();
    return Error{ErrorCode::kNotFound,
                 "cannot start the decoder program (" + std::string(strerror(result)) + "): " + program, Stage::kDecode};
  }
  pid_ = pid;
  handle_ = pidfd_open(pid, 0);  // -1 before Linux 5.3
  return {};
}

std::string ChildProcess::reap() {
  if (pid_ <= 0) return "not running";
  // A process closes its descriptors a moment before it can be waited for. One that lives on has closed them on purpose.
  constexpr int kMaxTries = 120;
  int status = 0;
  pid_t ended = 0;
  for (int i = 0; i < kMaxTries && ended == 0; ++i) {
    ended = waitpid(pid_, &status, WNOHANG);
    if (ended < 0 && errno == EINTR) ended = 0;
    if (ended == 0) poll(nullptr, 0, i < 20 ? 1 : 10);
  }
  if (ended == 0) {
    kill_and_reap();
    return "it closed its connection";
  }
  // Where the host process ignores SIGCHLD, or waits for all its children, nobody can say.
  const std::string end = ended == pid_ ? describe_end(status) : "it ended";
  pid_ = -1;
  forget();
  return end;
}

void ChildProcess::kill_and_reap() {
  if (pid_ > 0) {
    // Not yet waited for by us, so that the id should be its own still; the handle is, whoever waits for all children.
    if (handle_ >= 0) {
      pidfd_send_signal(handle_, SIGKILL, nullptr, 0);
    } else {
      kill(pid_, SIGKILL);
    }
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }
  forget();
}

void ChildProcess::forget() {
  if (socket_ >= 0) close(socket_);
  if (handle_ >= 0) close(handle_);
  socket_ = -1;
  handle_ = -1;
}

}  // namespace smol
