/*
 * seccomp: a filter that lets through the system calls of the table and answers EPERM to every other. Some are let
 * through with certain arguments only: files are opened to be read, memory never becomes code, what is cloned is a
 * thread. What only opens the way to another process (execve, fork, ptrace, kill), to another place (socket, connect,
 * bind, mount) or into the kernel (bpf, io_uring, keyctl) is not in the table.
 */
#include "server/sandbox.h"

#include "model/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__) && !defined(__ILP32__)
enum { ARCHITECTURE_IS_KNOWN = 1 };
static const uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__) && !defined(__ILP32__)
enum { ARCHITECTURE_IS_KNOWN = 1 };
static const uint32_t architecture = AUDIT_ARCH_AARCH64;
#else
enum { ARCHITECTURE_IS_KNOWN = 0 };
static const uint32_t architecture = 0;
#endif

enum { X32_BIT = 0x40000000, ROOM = 512 }; /* x32 is another numbering under the same architecture */

/* Let through whatever the arguments; the frequent ones first. */
static const uint32_t allowed[] = {
	/* sockets and descriptors that are there */
	SYS_epoll_pwait, SYS_recvfrom, SYS_sendto, SYS_recvmsg, SYS_sendmsg, SYS_read, SYS_write, SYS_readv, SYS_writev,
	SYS_futex, SYS_epoll_ctl, SYS_accept4, SYS_close, SYS_shutdown, SYS_ppoll, SYS_pselect6, SYS_fcntl,
	SYS_getsockopt, SYS_setsockopt, SYS_getsockname, SYS_getpeername, SYS_epoll_create1, SYS_eventfd2,
	/* models */
	SYS_pread64, SYS_lseek, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_getdents64, SYS_readlinkat, SYS_getcwd,
	SYS_fadvise64,
	/* memory */
	SYS_munmap, SYS_madvise, SYS_mremap, SYS_brk, SYS_membarrier,
	/* threads and signals */
	SYS_set_robust_list, SYS_rseq, SYS_exit, SYS_exit_group, SYS_sched_yield, SYS_sched_getaffinity,
	SYS_setpriority, SYS_getpriority, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigtimedwait,
	SYS_sigaltstack, SYS_restart_syscall, SYS_getpid, SYS_gettid, SYS_getcpu,
	/* clocks and figures */
	SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday, SYS_getrandom,
	SYS_sysinfo, SYS_uname, SYS_getrusage, SYS_times,
#ifdef __x86_64__
	SYS_epoll_wait, SYS_poll, SYS_select, SYS_stat, SYS_lstat, SYS_readlink, SYS_time, SYS_getrlimit,
	SYS_arch_prctl, /* leave to use AMX */
#endif
};

/* Let through where (argument & mask) == value; several rows for one call are alternatives. */
struct condition {
	uint32_t number, argument;
	uint64_t mask, value;
};

#define RK_WRITES (uint64_t)(O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY))

static const struct condition conditions[] = {
	{SYS_openat, 2, RK_WRITES, O_RDONLY},
	{SYS_mmap, 2, PROT_EXEC, 0},
	{SYS_mprotect, 2, PROT_EXEC, 0},
	{SYS_clone, 0, CLONE_THREAD, CLONE_THREAD},
	{SYS_prctl, 0, UINT64_MAX, PR_SET_NAME},
	{SYS_sched_setscheduler, 1, UINT32_MAX, SCHED_OTHER}, /* and no real-time policy */
	{SYS_sched_setscheduler, 1, UINT32_MAX, SCHED_BATCH},
	{SYS_prlimit64, 2, UINT64_MAX, 0}, /* tells a limit, sets none */
	{SYS_socketpair, 0, UINT64_MAX, AF_UNIX},
	{SYS_ioctl, 1, UINT32_MAX, FIONREAD},
	{SYS_ioctl, 1, UINT32_MAX, SIOCOUTQ},
	{SYS_ioctl, 1, UINT32_MAX, FIONBIO},
	{SYS_ioctl, 1, UINT32_MAX, TCGETS}, /* stdio asks whether it writes to a terminal */
};

struct program {
	struct sock_filter steps[ROOM];
	unsigned short n;
};

static void add(struct program *program, struct sock_filter step)
{
	RK_ASSERT(program->n < ROOM);
	program->steps[program->n++] = step;
}

static void add_load(struct program *program, size_t offset)
{
	add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* Goes on with the next step if it holds, and past `else_skip` steps after it if not. */
static void add_test(struct program *program, uint32_t value, unsigned char else_skip)
{
	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, else_skip));
}

static void add_return(struct program *program, uint32_t verdict)
{
	add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict));
}

static void add_mask(struct program *program, uint32_t mask)
{
	add(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
}

static void add_call(struct program *program, uint32_t number, uint32_t verdict)
{
	add_test(program, number, 1);
	add_return(program, verdict);
}

/* The accumulator holds the call's number before and after. Both architectures put the lower half first. */
static void add_condition(struct program *program, const struct condition *condition)
{
	size_t low = offsetof(struct seccomp_data, args) + condition->argument * sizeof(uint64_t);
	add_test(program, condition->number, 8);
	add_load(program, low);
	add_mask(program, (uint32_t)condition->mask);
	add_test(program, (uint32_t)condition->value, 4);
	add_load(program, low + sizeof(uint32_t));
	add_mask(program, (uint32_t)(condition->mask >> 32));
	add_test(program, (uint32_t)(condition->value >> 32), 1);
	add_return(program, SECCOMP_RET_ALLOW);
	add_load(program, offsetof(struct seccomp_data, nr));
}

static void write_program(struct program *program, bool removes_files)
{
	const struct condition abort_oneself = {SYS_tgkill, 0, UINT64_MAX, (uint64_t)getpid()};
	add_load(program, offsetof(struct seccomp_data, arch));
	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0));
	add_return(program, SECCOMP_RET_KILL_PROCESS);
	add_load(program, offsetof(struct seccomp_data, nr));
	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
	add_return(program, SECCOMP_RET_ERRNO | EPERM);
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		add_call(program, allowed[i], SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++)
		add_condition(program, &conditions[i]);
	add_condition(program, &abort_oneself);
	/* its flags lie behind a pointer, which a filter cannot follow; the C library then takes clone */
	add_call(program, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
	if (removes_files) {
		add_call(program, SYS_unlinkat, SECCOMP_RET_ALLOW);
#ifdef SYS_unlink
		add_call(program, SYS_unlink, SECCOMP_RET_ALLOW);
#endif
	}
	add_return(program, SECCOMP_RET_ERRNO | EPERM);
}

bool rk_sandbox_has_filters(void)
{
	uint32_t action = SECCOMP_RET_ERRNO;
	return ARCHITECTURE_IS_KNOWN && syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0U, &action) == 0;
}

/* TSYNC: also for threads that a library has started. SPEC_ALLOW: older kernels would else switch off store bypassing
 * for the whole process, which costs time and protects code from other code in the same process only. */
enum rk_status rk_sandbox_restrict_calls(bool removes_files, struct rk_error *reterr)
{
	struct program program = {.n = 0};
	unsigned flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	write_program(&program, removes_files);
	struct sock_fprog filter = {.len = program.n, .filter = program.steps};
	long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
	if (result > 0)
		return rk_error_set(reterr, RK_IO, "seccomp: thread %ld cannot be brought under the filter", result);
	return result == 0 ? RK_OK : rk_error_set(reterr, RK_IO, "seccomp: %s", strerror(errno));
}
