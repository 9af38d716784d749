// SPDX-License-Identifier: BSD-3-Clause
/*
 * x86-64 with glibc. Lengths of what comes out follow what was really written: a failed call gives a negative
 * or zero length, so that nothing is taken which the call did not write.
 */
#include "lib/libc_prototypes.h"

#include <errno.h>
#include <string.h>

#include "lib/expr.h"
#include "lib/util.h"

#define OUT(what)                                                                                            \
	{                                                                                                    \
		.path = what, .direction = DIRECTION_OUT                                                     \
	}
#define OUT_BYTES(what, n)                                                                                   \
	{                                                                                                    \
		.path = what, .direction = DIRECTION_OUT, .bytes = n                                         \
	}
#define OUT_COUNT(what, n)                                                                                   \
	{                                                                                                    \
		.path = what, .direction = DIRECTION_OUT, .count = n                                         \
	}
#define IN_BYTES(what, n)                                                                                    \
	{                                                                                                    \
		.path = what, .direction = DIRECTION_IN, .bytes = n                                          \
	}
#define IN_COUNT(what, n)                                                                                    \
	{                                                                                                    \
		.path = what, .direction = DIRECTION_IN, .count = n                                          \
	}
#define IN_OUT_COUNT(what, n)                                                                                \
	{                                                                                                    \
		.path = what, .direction = DIRECTION_INOUT, .count = n                                       \
	}
#define IN_OUT(what)                                                                                         \
	{                                                                                                    \
		.path = what, .direction = DIRECTION_INOUT                                                   \
	}
#define STRING(what)                                                                                         \
	{                                                                                                    \
		.path = what, .is_string = true                                                              \
	}
#define HANDLE(what)                                                                                         \
	{                                                                                                    \
		.path = what, .is_opaque = true                                                              \
	}
#define FORMAT(what)                                                                                         \
	{                                                                                                    \
		.path = what, .is_format = true                                                              \
	}
#define LIST(what)                                                                                           \
	{                                                                                                    \
		.path = what, .is_terminated = true                                                          \
	}

/* The address that accept and its like fill in is cut to the room there was. */
#define ADDRESS_OUT	 OUT_BYTES("addr", "min(*addr_len, entry(*addr_len))")
#define ADDRESS_LEN	 IN_OUT("addr_len")
#define WHEN_DONE(n)	 "(return == 0) * (" n ")"
#define WHEN_NOT_NULL(n) "(return != 0) * (" n ")"

/* By name. clang-format off: a row a function. */
/* clang-format off */
static const struct libc_function functions[] = {
	{"__asprintf_chk", "int __asprintf_chk(char **ptr, int flag, const char *format, ...)", NULL, {OUT_BYTES("*ptr", "return + 1"), FORMAT("format")}},
	{"__dprintf_chk", "int __dprintf_chk(int fd, int flag, const char *format, ...)", NULL, {FORMAT("format")}},
	{"__fgets_chk", "char *__fgets_chk(char *s, size_t size, int n, FILE *stream)", NULL, {OUT_BYTES("s", WHEN_NOT_NULL("n"))}},
	{"__fprintf_chk", "int __fprintf_chk(FILE *stream, int flag, const char *format, ...)", NULL, {FORMAT("format")}},
	{"__fread_chk", "size_t __fread_chk(void *ptr, size_t ptrlen, size_t size, size_t n, FILE *stream)", NULL, {OUT_BYTES("ptr", "return * size")}},
	{"__printf_chk", "int __printf_chk(int flag, const char *format, ...)", NULL, {FORMAT("format")}},
	{"__recv_chk", "ssize_t __recv_chk(int fd, void *buf, size_t n, size_t buflen, int flags)", NULL, {OUT_BYTES("buf", "min(return, n)")}},
	{"__recvfrom_chk", "ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t buflen, int flags, struct sockaddr *addr, socklen_t *addr_len)", NULL,
	 {OUT_BYTES("buf", "min(return, n)"), ADDRESS_OUT, ADDRESS_LEN}},
	{"__snprintf_chk", "int __snprintf_chk(char *s, size_t maxlen, int flag, size_t slen, const char *format, ...)", NULL, {OUT_BYTES("s", "min(return + 1, maxlen)"), FORMAT("format")}},
	{"__sprintf_chk", "int __sprintf_chk(char *s, int flag, size_t slen, const char *format, ...)", NULL, {OUT_BYTES("s", "return + 1"), FORMAT("format")}},
	{"__syslog_chk", "void __syslog_chk(int pri, int flag, const char *fmt, ...)", NULL, {FORMAT("fmt")}},
	{"__vasprintf_chk", "int __vasprintf_chk(char **ptr, int flag, const char *format, va_list arg)", NULL, {OUT_BYTES("*ptr", "return + 1"), FORMAT("format")}},
	{"__vdprintf_chk", "int __vdprintf_chk(int fd, int flag, const char *format, va_list arg)", NULL, {FORMAT("format")}},
	{"__vfprintf_chk", "int __vfprintf_chk(FILE *stream, int flag, const char *format, va_list arg)", NULL, {FORMAT("format")}},
	{"__vprintf_chk", "int __vprintf_chk(int flag, const char *format, va_list arg)", NULL, {FORMAT("format")}},
	{"__vsnprintf_chk", "int __vsnprintf_chk(char *s, size_t maxlen, int flag, size_t slen, const char *format, va_list arg)", NULL, {OUT_BYTES("s", "min(return + 1, maxlen)"), FORMAT("format")}},
	{"__vsprintf_chk", "int __vsprintf_chk(char *s, int flag, size_t slen, const char *format, va_list arg)", NULL, {OUT_BYTES("s", "return + 1"), FORMAT("format")}},
	{"__vsyslog_chk", "void __vsyslog_chk(int pri, int flag, const char *fmt, va_list ap)", NULL, {FORMAT("fmt")}},
	{"accept", "int accept(int fd, struct sockaddr *addr, socklen_t *addr_len)", NULL, {ADDRESS_OUT, ADDRESS_LEN}},
	{"accept4", "int accept4(int fd, struct sockaddr *addr, socklen_t *addr_len, int flags)", NULL, {ADDRESS_OUT, ADDRESS_LEN}},
	{"access", "int access(const char *name, int type)"},
	{"alarm", "unsigned alarm(unsigned seconds)"},
	{"arc4random", "uint32_t arc4random(void)"},
	{"arc4random_buf", "void arc4random_buf(void *buf, size_t size)", NULL, {OUT_BYTES("buf", "size")}},
	{"arc4random_uniform", "uint32_t arc4random_uniform(uint32_t upper_bound)"},
	{"asctime", "char *asctime(const struct tm *tp)"},
	{"asprintf", "int asprintf(char **ptr, const char *format, ...)", NULL, {OUT_BYTES("*ptr", "return + 1"), FORMAT("format")}},
	{"bind", "int bind(int fd, const struct sockaddr *addr, socklen_t len)", NULL, {IN_BYTES("addr", "len")}},
	{"chdir", "int chdir(const char *path)"},
	{"chmod", "int chmod(const char *file, mode_t mode)"},
	{"chown", "int chown(const char *file, uid_t owner, gid_t group)"},
	{"clock", "clock_t clock(void)"},
	{"clock_getres", "int clock_getres(clockid_t clock_id, struct timespec *res)", NULL, {OUT("res")}},
	{"clock_gettime", "int clock_gettime(clockid_t clock_id, struct timespec *tp)", NULL, {OUT("tp")}},
	{"clock_nanosleep", "int clock_nanosleep(clockid_t clock_id, int flags, const struct timespec *req, struct timespec *rem)", NULL, {OUT("rem")}},
	{"close", "int close(int fd)"},
	{"closedir", "int closedir(DIR *dirp)"},
	{"connect", "int connect(int fd, const struct sockaddr *addr, socklen_t len)", NULL, {IN_BYTES("addr", "len")}},
	{"ctime", "char *ctime(const time_t *timer)"},
	{"ctime_r", "char *ctime_r(const time_t *timer, char *buf)", NULL, {OUT_BYTES("buf", WHEN_NOT_NULL("26"))}},
	{"difftime", "double difftime(time_t time1, time_t time0)"},
	{"dprintf", "int dprintf(int fd, const char *format, ...)", NULL, {FORMAT("format")}},
	{"drand48", "double drand48(void)"},
	{"dup", "int dup(int fd)"},
	{"dup2", "int dup2(int fd, int fd2)"},
	{"err", "void err(int status, const char *format, ...)", NULL, {FORMAT("format")}},
	{"error", "void error(int status, int errnum, const char *format, ...)", NULL, {FORMAT("format")}},
	{"errx", "void errx(int status, const char *format, ...)", NULL, {FORMAT("format")}},
	{"faccessat", "int faccessat(int fd, const char *file, int type, int flag)"},
	{"fchmod", "int fchmod(int fd, mode_t mode)"},
	{"fclose", "int fclose(FILE *stream)"},
	{"fdatasync", "int fdatasync(int fildes)"},
	{"fdopen", "FILE *fdopen(int fd, const char *modes)"},
	{"feof", "int feof(FILE *stream)"},
	{"ferror", "int ferror(FILE *stream)"},
	{"fflush", "int fflush(FILE *stream)"},
	{"fgetc", "int fgetc(FILE *stream)"},
	{"fgets", "char *fgets(char *s, int n, FILE *stream)", NULL, {OUT_BYTES("s", WHEN_NOT_NULL("n"))}},
	{"fileno", "int fileno(FILE *stream)"},
	{"fopen", "FILE *fopen(const char *filename, const char *modes)"},
	{"fopen64", "FILE *fopen64(const char *filename, const char *modes)"},
	{"fprintf", "int fprintf(FILE *stream, const char *format, ...)", NULL, {FORMAT("format")}},
	{"fputc", "int fputc(int c, FILE *stream)"},
	{"fputs", "int fputs(const char *s, FILE *stream)"},
	{"fread", "size_t fread(void *ptr, size_t size, size_t n, FILE *stream)", NULL, {OUT_BYTES("ptr", "return * size")}},
	{"free", "void free(void *ptr)"},
	{"freeaddrinfo", "void freeaddrinfo(struct addrinfo *ai)", NULL, {HANDLE("ai")}},
	{"fseek", "int fseek(FILE *stream, long off, int whence)"},
	{"fseeko", "int fseeko(FILE *stream, off_t off, int whence)"},
	{"fstat", "int fstat(int fd, struct stat *buf)", NULL, {OUT("buf")}},
	{"fstatat", "int fstatat(int fd, const char *file, struct stat *buf, int flag)", NULL, {OUT("buf")}},
	{"fsync", "int fsync(int fd)"},
	{"ftell", "long ftell(FILE *stream)"},
	{"ftello", "off_t ftello(FILE *stream)"},
	{"ftruncate", "int ftruncate(int fd, off_t length)"},
	{"fwrite", "size_t fwrite(const void *ptr, size_t size, size_t n, FILE *s)", NULL, {IN_BYTES("ptr", "size * n")}},
	{"getaddrinfo", "int getaddrinfo(const char *name, const char *service, const struct addrinfo *req, struct addrinfo **pai)", NULL,
	 {{.path = "pai", .direction = DIRECTION_OUT, .depth = 12}}, "struct addrinfo"},
	{"getc", "int getc(FILE *stream)"},
	{"getchar", "int getchar(void)"},
	{"getcwd", "char *getcwd(char *buf, size_t size)", "__getcwd_chk", {OUT_BYTES("buf", WHEN_NOT_NULL("size"))}},
	{"getdelim", "ssize_t getdelim(char **lineptr, size_t *n, int delimiter, FILE *stream)", NULL, {OUT_BYTES("*lineptr", "return + 1"), OUT("n")}},
	{"getdomainname", "int getdomainname(char *name, size_t len)", "__getdomainname_chk", {OUT_BYTES("name", WHEN_DONE("len"))}},
	{"getegid", "gid_t getegid(void)"},
	{"getentropy", "int getentropy(void *buffer, size_t length)", NULL, {OUT_BYTES("buffer", WHEN_DONE("length"))}},
	{"getenv", "char *getenv(const char *name)"},
	{"geteuid", "uid_t geteuid(void)"},
	{"getgid", "gid_t getgid(void)"},
	{"getgrgid", "struct group *getgrgid(gid_t gid)", NULL, {}, "struct group"},
	{"getgrnam", "struct group *getgrnam(const char *name)", NULL, {}, "struct group"},
	{"gethostbyname", "struct hostent *gethostbyname(const char *name)", NULL, {}, "struct hostent"},
	{"gethostid", "long gethostid(void)"},
	{"gethostname", "int gethostname(char *name, size_t len)", "__gethostname_chk", {OUT_BYTES("name", WHEN_DONE("len"))}},
	{"getline", "ssize_t getline(char **lineptr, size_t *n, FILE *stream)", NULL, {OUT_BYTES("*lineptr", "return + 1"), OUT("n")}},
	{"getloadavg", "int getloadavg(double *loadavg, int nelem)", NULL, {OUT_COUNT("loadavg", "return")}},
	{"getlogin", "char *getlogin(void)"},
	{"getnameinfo", "int getnameinfo(const struct sockaddr *sa, socklen_t salen, char *host, socklen_t hostlen, char *serv, socklen_t servlen, int flags)", NULL,
	 {IN_BYTES("sa", "salen"), OUT_BYTES("host", WHEN_DONE("hostlen")), OUT_BYTES("serv", WHEN_DONE("servlen"))}},
	{"getpagesize", "int getpagesize(void)"},
	{"getpeername", "int getpeername(int fd, struct sockaddr *addr, socklen_t *len)", NULL, {OUT_BYTES("addr", "min(*len, entry(*len))"), IN_OUT("len")}},
	{"getpgid", "pid_t getpgid(pid_t pid)"},
	{"getpgrp", "pid_t getpgrp(void)"},
	{"getpid", "pid_t getpid(void)"},
	{"getppid", "pid_t getppid(void)"},
	{"getpriority", "int getpriority(int which, id_t who)"},
	{"getpwnam", "struct passwd *getpwnam(const char *name)", NULL, {}, "struct passwd"},
	{"getpwuid", "struct passwd *getpwuid(uid_t uid)", NULL, {}, "struct passwd"},
	{"getrandom", "ssize_t getrandom(void *buffer, size_t length, unsigned flags)", NULL, {OUT_BYTES("buffer", "return")}},
	{"getrlimit", "int getrlimit(int resource, struct rlimit *rlimits)", NULL, {OUT("rlimits")}},
	{"getrusage", "int getrusage(int who, struct rusage *usage)", NULL, {OUT("usage")}},
	{"getsid", "pid_t getsid(pid_t pid)"},
	{"getsockname", "int getsockname(int fd, struct sockaddr *addr, socklen_t *len)", NULL, {OUT_BYTES("addr", "min(*len, entry(*len))"), IN_OUT("len")}},
	{"getsockopt", "int getsockopt(int fd, int level, int optname, void *optval, socklen_t *optlen)", NULL,
	 {OUT_BYTES("optval", "min(*optlen, entry(*optlen))"), IN_OUT("optlen")}},
	{"gettid", "pid_t gettid(void)"},
	{"gettimeofday", "int gettimeofday(struct timeval *tv, void *tz)", NULL, {OUT("tv")}},
	{"getuid", "uid_t getuid(void)"},
	{"gmtime", "struct tm *gmtime(const time_t *timer)"},
	{"gmtime_r", "struct tm *gmtime_r(const time_t *timer, struct tm *tp)", NULL, {OUT("tp")}},
	{"if_nametoindex", "unsigned if_nametoindex(const char *ifname)"},
	{"isatty", "int isatty(int fd)"},
	{"kill", "int kill(pid_t pid, int sig)"},
	{"link", "int link(const char *from, const char *to)"},
	{"listen", "int listen(int fd, int n)"},
	{"localtime", "struct tm *localtime(const time_t *timer)"},
	{"localtime_r", "struct tm *localtime_r(const time_t *timer, struct tm *tp)", NULL, {OUT("tp")}},
	{"lrand48", "long lrand48(void)"},
	{"lseek", "off_t lseek(int fd, off_t offset, int whence)"},
	{"lseek64", "off64_t lseek64(int fd, off64_t offset, int whence)"},
	{"lstat", "int lstat(const char *file, struct stat *buf)", NULL, {OUT("buf")}},
	{"mkdir", "int mkdir(const char *path, mode_t mode)"},
	{"mkdtemp", "char *mkdtemp(char *template)", NULL, {{.path = "template", .direction = DIRECTION_INOUT, .is_string = true}}},
	{"mkstemp", "int mkstemp(char *template)", NULL, {{.path = "template", .direction = DIRECTION_INOUT, .is_string = true}}},
	{"mktime", "time_t mktime(struct tm *tp)", NULL, {IN_OUT("tp")}},
	{"mrand48", "long mrand48(void)"},
	{"nanosleep", "int nanosleep(const struct timespec *requested_time, struct timespec *remaining)", NULL, {OUT("remaining")}},
	{"open", "int open(const char *file, int oflag, ...)", "__open_2"},
	{"open64", "int open64(const char *file, int oflag, ...)", "__open64_2"},
	{"openat", "int openat(int fd, const char *file, int oflag, ...)", "__openat_2"},
	{"openat64", "int openat64(int fd, const char *file, int oflag, ...)", "__openat64_2"},
	{"opendir", "DIR *opendir(const char *name)"},
	{"pathconf", "long pathconf(const char *path, int name)"},
	{"pause", "int pause(void)"},
	{"pclose", "int pclose(FILE *stream)"},
	{"pipe", "int pipe(int *pipedes)", NULL, {OUT_COUNT("pipedes", WHEN_DONE("2"))}},
	{"pipe2", "int pipe2(int *pipedes, int flags)", NULL, {OUT_COUNT("pipedes", WHEN_DONE("2"))}},
	{"poll", "int poll(struct pollfd *fds, nfds_t nfds, int timeout)", "__poll_chk", {IN_OUT_COUNT("fds", "nfds")}},
	{"popen", "FILE *popen(const char *command, const char *modes)"},
	{"pread", "ssize_t pread(int fd, void *buf, size_t nbytes, off_t offset)", "__pread_chk", {OUT_BYTES("buf", "return")}},
	{"pread64", "ssize_t pread64(int fd, void *buf, size_t nbytes, off64_t offset)", "__pread64_chk", {OUT_BYTES("buf", "return")}},
	{"printf", "int printf(const char *format, ...)", NULL, {FORMAT("format")}},
	{"putc", "int putc(int c, FILE *stream)"},
	{"putchar", "int putchar(int c)"},
	{"puts", "int puts(const char *s)"},
	{"pwrite", "ssize_t pwrite(int fd, const void *buf, size_t n, off_t offset)", NULL, {IN_BYTES("buf", "n")}},
	{"pwrite64", "ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t offset)", NULL, {IN_BYTES("buf", "n")}},
	{"rand", "int rand(void)"},
	{"rand_r", "int rand_r(unsigned *seed)", NULL, {IN_OUT("seed")}},
	{"random", "long random(void)"},
	{"read", "ssize_t read(int fd, void *buf, size_t nbytes)", "__read_chk", {OUT_BYTES("buf", "return")}},
	{"readdir", "struct dirent *readdir(DIR *dirp)"},
	{"readlink", "ssize_t readlink(const char *path, char *buf, size_t len)", "__readlink_chk", {OUT_BYTES("buf", "return")}},
	{"readlinkat", "ssize_t readlinkat(int fd, const char *path, char *buf, size_t len)", "__readlinkat_chk", {OUT_BYTES("buf", "return")}},
	{"readv", "ssize_t readv(int fd, const struct iovec *iovec, int count)", NULL,
	 {IN_COUNT("iovec", "count"), OUT_BYTES("iovec[].iov_base", "iovec[].iov_len")}},
	{"realpath", "char *realpath(const char *name, char *resolved)", "__realpath_chk"},
	{"recv", "ssize_t recv(int fd, void *buf, size_t n, int flags)", NULL, {OUT_BYTES("buf", "min(return, n)")}},
	{"recvfrom", "ssize_t recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *addr, socklen_t *addr_len)", NULL,
	 {OUT_BYTES("buf", "min(return, n)"), ADDRESS_OUT, ADDRESS_LEN}},
	{"recvmsg", "ssize_t recvmsg(int fd, struct msghdr *message, int flags)", NULL,
	 {IN_OUT("message"), OUT_BYTES("message->msg_name", "min(message->msg_namelen, entry(message->msg_namelen))"),
	  {.path = "message->msg_iov", .count = "message->msg_iovlen"}, OUT_BYTES("message->msg_iov[].iov_base", "message->msg_iov[].iov_len"),
	  OUT_BYTES("message->msg_control", "message->msg_controllen")}},
	{"remove", "int remove(const char *filename)"},
	{"rename", "int rename(const char *old, const char *new)"},
	{"rewind", "void rewind(FILE *stream)"},
	{"rmdir", "int rmdir(const char *path)"},
	{"sched_getcpu", "int sched_getcpu(void)"},
	{"secure_getenv", "char *secure_getenv(const char *name)"},
	{"select", "int select(int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds, struct timeval *timeout)", NULL,
	 {IN_OUT("readfds"), IN_OUT("writefds"), IN_OUT("exceptfds"), IN_OUT("timeout")}},
	{"send", "ssize_t send(int fd, const void *buf, size_t n, int flags)", NULL, {IN_BYTES("buf", "n")}},
	{"sendfile", "ssize_t sendfile(int out_fd, int in_fd, off_t *offset, size_t count)", NULL, {IN_OUT("offset")}},
	{"sendmsg", "ssize_t sendmsg(int fd, const struct msghdr *message, int flags)", NULL,
	 {IN_BYTES("message->msg_name", "message->msg_namelen"), IN_COUNT("message->msg_iov", "message->msg_iovlen"),
	  IN_BYTES("message->msg_iov[].iov_base", "message->msg_iov[].iov_len"), IN_BYTES("message->msg_control", "message->msg_controllen")}},
	{"sendto", "ssize_t sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *addr, socklen_t addr_len)", NULL,
	 {IN_BYTES("buf", "n"), IN_BYTES("addr", "addr_len")}},
	{"setenv", "int setenv(const char *name, const char *value, int replace)"},
	{"setlocale", "char *setlocale(int category, const char *locale)"},
	{"setsockopt", "int setsockopt(int fd, int level, int optname, const void *optval, socklen_t optlen)", NULL, {IN_BYTES("optval", "optlen")}},
	{"shutdown", "int shutdown(int fd, int how)"},
	{"sleep", "unsigned sleep(unsigned seconds)"},
	{"snprintf", "int snprintf(char *s, size_t maxlen, const char *format, ...)", NULL, {OUT_BYTES("s", "min(return + 1, maxlen)"), FORMAT("format")}},
	{"socket", "int socket(int domain, int type, int protocol)"},
	{"socketpair", "int socketpair(int domain, int type, int protocol, int *fds)", NULL, {OUT_COUNT("fds", WHEN_DONE("2"))}},
	{"sprintf", "int sprintf(char *s, const char *format, ...)", NULL, {OUT_BYTES("s", "return + 1"), FORMAT("format")}},
	{"srand", "void srand(unsigned seed)"},
	{"srand48", "void srand48(long seedval)"},
	{"srandom", "void srandom(unsigned seed)"},
	{"stat", "int stat(const char *file, struct stat *buf)", NULL, {OUT("buf")}},
	{"strerror", "char *strerror(int errnum)"},
	{"strftime", "size_t strftime(char *s, size_t maxsize, const char *format, const struct tm *tp)", NULL, {OUT_BYTES("s", WHEN_NOT_NULL("return + 1"))}},
	{"strtod", "double strtod(const char *nptr, char **endptr)"},
	{"strtol", "long strtol(const char *nptr, char **endptr, int base)"},
	{"strtoul", "unsigned long strtoul(const char *nptr, char **endptr, int base)"},
	{"symlink", "int symlink(const char *from, const char *to)"},
	{"sysconf", "long sysconf(int name)"},
	{"syslog", "void syslog(int pri, const char *fmt, ...)", NULL, {FORMAT("fmt")}},
	{"system", "int system(const char *command)"},
	{"time", "time_t time(time_t *timer)", NULL, {OUT("timer")}},
	{"timegm", "time_t timegm(struct tm *tp)", NULL, {IN_OUT("tp")}},
	{"times", "clock_t times(struct tms *buffer)", NULL, {OUT("buffer")}},
	{"timespec_get", "int timespec_get(struct timespec *ts, int base)", NULL, {OUT("ts")}},
	{"tmpfile", "FILE *tmpfile(void)"},
	{"truncate", "int truncate(const char *file, off_t length)"},
	{"ttyname", "char *ttyname(int fd)"},
	{"umask", "mode_t umask(mode_t mask)"},
	{"uname", "int uname(struct utsname *name)", NULL, {OUT("name")}},
	{"ungetc", "int ungetc(int c, FILE *stream)"},
	{"unlink", "int unlink(const char *name)"},
	{"unsetenv", "int unsetenv(const char *name)"},
	{"usleep", "int usleep(useconds_t useconds)"},
	{"vasprintf", "int vasprintf(char **ptr, const char *format, va_list arg)", NULL, {OUT_BYTES("*ptr", "return + 1"), FORMAT("format")}},
	{"vdprintf", "int vdprintf(int fd, const char *format, va_list arg)", NULL, {FORMAT("format")}},
	{"verr", "void verr(int status, const char *format, va_list ap)", NULL, {FORMAT("format")}},
	{"verrx", "void verrx(int status, const char *format, va_list ap)", NULL, {FORMAT("format")}},
	{"vfprintf", "int vfprintf(FILE *stream, const char *format, va_list arg)", NULL, {FORMAT("format")}},
	{"vprintf", "int vprintf(const char *format, va_list arg)", NULL, {FORMAT("format")}},
	{"vsnprintf", "int vsnprintf(char *s, size_t maxlen, const char *format, va_list arg)", NULL, {OUT_BYTES("s", "min(return + 1, maxlen)"), FORMAT("format")}},
	{"vsprintf", "int vsprintf(char *s, const char *format, va_list arg)", NULL, {OUT_BYTES("s", "return + 1"), FORMAT("format")}},
	{"vsyslog", "void vsyslog(int pri, const char *fmt, va_list ap)", NULL, {FORMAT("fmt")}},
	{"vwarn", "void vwarn(const char *format, va_list ap)", NULL, {FORMAT("format")}},
	{"vwarnx", "void vwarnx(const char *format, va_list ap)", NULL, {FORMAT("format")}},
	{"waitpid", "pid_t waitpid(pid_t pid, int *stat_loc, int options)", NULL, {OUT("stat_loc")}},
	{"warn", "void warn(const char *format, ...)", NULL, {FORMAT("format")}},
	{"warnx", "void warnx(const char *format, ...)", NULL, {FORMAT("format")}},
	{"write", "ssize_t write(int fd, const void *buf, size_t n)", NULL, {IN_BYTES("buf", "n")}},
	{"writev", "ssize_t writev(int fd, const struct iovec *iovec, int count)", NULL,
	 {IN_COUNT("iovec", "count"), IN_BYTES("iovec[].iov_base", "iovec[].iov_len")}},
};

static const struct libc_type types[] = {
	{"struct addrinfo", {{.path = "ai_addr", .bytes = "ai_addrlen"}, STRING("ai_canonname")}},
	{"struct group", {STRING("gr_name"), STRING("gr_passwd"), LIST("gr_mem"), STRING("gr_mem[]")}},
	{"struct hostent",
	 {STRING("h_name"), LIST("h_aliases"), STRING("h_aliases[]"), LIST("h_addr_list"),
	  {.path = "h_addr_list[]", .bytes = "h_length"}}},
	{"struct passwd", {STRING("pw_name"), STRING("pw_passwd"), STRING("pw_gecos"), STRING("pw_dir"), STRING("pw_shell")}},
};

static const struct {
	const char *name, *text;
} structs[] = {
	{"struct addrinfo", "struct addrinfo { int ai_flags; int ai_family; int ai_socktype; int ai_protocol; socklen_t ai_addrlen;"
	 " struct sockaddr *ai_addr; char *ai_canonname; struct addrinfo *ai_next; }"},
	{"struct dirent", "struct dirent { ino_t d_ino; off_t d_off; unsigned short d_reclen; unsigned char d_type; char d_name[256]; }"},
	{"fd_set", "struct fd_set { long fds_bits[16]; }"},
	{"struct group", "struct group { char *gr_name; char *gr_passwd; gid_t gr_gid; char **gr_mem; }"},
	{"struct hostent", "struct hostent { char *h_name; char **h_aliases; int h_addrtype; int h_length; char **h_addr_list; }"},
	{"struct iovec", "struct iovec { void *iov_base; size_t iov_len; }"},
	{"struct msghdr", "struct msghdr { void *msg_name; socklen_t msg_namelen; struct iovec *msg_iov; size_t msg_iovlen;"
	 " void *msg_control; size_t msg_controllen; int msg_flags; }"},
	{"struct passwd", "struct passwd { char *pw_name; char *pw_passwd; uid_t pw_uid; gid_t pw_gid; char *pw_gecos; char *pw_dir; char *pw_shell; }"},
	{"struct pollfd", "struct pollfd { int fd; short events; short revents; }"},
	{"struct rlimit", "struct rlimit { unsigned long rlim_cur; unsigned long rlim_max; }"},
	{"struct rusage", "struct rusage { struct timeval ru_utime; struct timeval ru_stime; long ru_numbers[14]; }"},
	{"struct sockaddr", "struct sockaddr { sa_family_t sa_family; unsigned char sa_data[14]; }"},
	{"struct stat", "struct stat { dev_t st_dev; ino_t st_ino; nlink_t st_nlink; mode_t st_mode; uid_t st_uid; gid_t st_gid; int pad0; dev_t st_rdev;"
	 " off_t st_size; blksize_t st_blksize; blkcnt_t st_blocks; struct timespec st_atim; struct timespec st_mtim; struct timespec st_ctim; long reserved[3]; }"},
	{"struct timespec", "struct timespec { time_t tv_sec; long tv_nsec; }"},
	{"struct timeval", "struct timeval { time_t tv_sec; suseconds_t tv_usec; }"},
	{"struct tm", "struct tm { int tm_sec; int tm_min; int tm_hour; int tm_mday; int tm_mon; int tm_year; int tm_wday; int tm_yday; int tm_isdst;"
	 " long tm_gmtoff; const char *tm_zone; }"},
	{"struct tms", "struct tms { clock_t tms_utime; clock_t tms_stime; clock_t tms_cutime; clock_t tms_cstime; }"},
	{"struct utsname", "struct utsname { char sysname[65]; char nodename[65]; char release[65]; char version[65]; char machine[65]; char domainname[65]; }"},
};
/* clang-format on */

const struct libc_function *libc_function(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (!strcmp(functions[i].name, name))
			return &functions[i];
	return NULL;
}

const struct libc_function *libc_function_at(size_t idx)
{
	return idx < ARRAY_SIZE(functions) ? &functions[idx] : NULL;
}

const struct libc_type *libc_type(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	return NULL;
}

const char *libc_struct(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(structs); i++)
		if (!strcmp(structs[i].name, name))
			return structs[i].text;
	return NULL;
}

/* --- rules --- */

static int put_text(char **out, const char *text)
{
	*out = text ? strdup(text) : NULL;
	return text && !*out ? -ENOMEM : 0;
}

static int put_length(struct expr **out, char **text, const char *from)
{
	int r = put_text(text, from);

	return r || !from ? r : expr_parse(out, from, NULL);
}

int libc_rule(struct rule *out, const struct libc_rule *from)
{
	struct rule rule = {
		.direction = from->direction,
		.is_string = from->is_string || from->is_format,
		.is_opaque = from->is_opaque,
		.is_format = from->is_format,
		.has_terminator = from->is_terminated,
		.depth = from->depth,
	};

	if (put_text(&rule.path, from->path) || put_length(&rule.bytes, &rule.bytes_text, from->bytes) ||
	    put_length(&rule.count, &rule.count_text, from->count)) {
		rule_release(&rule);
		return -ENOMEM;
	}
	*out = rule;
	return 0;
}
