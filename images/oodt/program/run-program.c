/*
 * Runs the program of a PGE task: run-program FILE COMMAND [ARGUMENT...]
 *
 * At first FILE holds variables that the program gets besides the environment: NAME=VALUE, each ended by a zero byte.
 * The program's output is passed on. When the program has ended, FILE holds its exit code in the first line and the end
 * of its output after it: OODT does not report the code and loses the output. All of the output goes to the end of the
 * file that the variable OODT_RUN_LOG names, compressed; if that cannot be written, the program goes on without.
 * SIGTERM kills the program and all that it has started, also daemons and processes in sessions of their own.
 *
 * It runs for every program, so its own start must cost next to nothing.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum { LOG_BYTES = 65536, PIPE_BYTES = 65536, NO_PROGRAM = 127, CANNOT_RUN = 126 };
/* Whoever follows the full log sees what was written so long ago. */
enum { FLUSH_MILLISECONDS = 1000 };
/* Of the full log, compressed: a program that writes without end must not fill the share. */
static const z_off_t MOST_LOG_BYTES = 1 << 30;

/* One output of the program: what comes from SOURCE is written to TARGET. */
struct stream {
    int source;
    int target;
};

/* More than anybody is shown: colours are taken out later. */
static char last[2 * LOG_BYTES];
static size_t last_length;
/* Where the line that is being written begins in it, and where that line was begun anew by a carriage return. */
static size_t line_start, drawing_start;
static gzFile full_log;
static const char *full_log_path;
static bool unflushed;
static long flushed_at;
static const char *result_path;
static pid_t program;
static int exit_code = -1;

/* Makes room at the end; what is removed begins at FROM. */
static void forget(size_t from, size_t length)
{
    memmove(last + from, last + from + length, last_length - from - length);
    last_length -= length;
    line_start = line_start > from + length ? line_start - length : line_start < from ? line_start : from;
    drawing_start = drawing_start > from + length ? drawing_start - length : from;
}

/* Of a line that is drawn anew again and again, as a progress bar is, only the last two drawings are kept. */
static void keep(const char *content, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char byte = content[i];
        if (byte == '\r' && last_length == drawing_start)
            continue;
        if (last_length == sizeof last)
            forget(0, LOG_BYTES);
        if (byte != '\r' && byte != '\n' && last_length > 0 && last[last_length - 1] == '\r') {
            forget(line_start, drawing_start - line_start);
            drawing_start = last_length;
        }
        last[last_length++] = byte;
        if (byte == '\n')
            line_start = drawing_start = last_length;
    }
}

static long milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void open_full_log(void)
{
    char folder[4096];
    int length = snprintf(folder, sizeof folder, "%s", full_log_path);
    char *end = length < (int)sizeof folder ? strrchr(folder, '/') : NULL;
    if (end == NULL)
        return;
    *end = '\0';
    char *above = strrchr(folder, '/');
    if (above != NULL) {
        *above = '\0';
        mkdir(folder, 0775);
        *above = '/';
    }
    mkdir(folder, 0775);
    int file = open(full_log_path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0664);
    if (file < 0)
        return;
    full_log = gzdopen(file, "wb1");
    if (full_log == NULL)
        close(file);
}

static void close_full_log(void)
{
    if (full_log != NULL)
        gzclose(full_log);
    full_log = NULL;
}

/* The first output opens the log, since most programs that succeed write nothing. */
static void log_in_full(const char *content, size_t length)
{
    static const char left_out[] = "\n[the rest is left out: the log is too large]\n";
    if (full_log_path != NULL && full_log == NULL) {
        open_full_log();
        full_log_path = NULL;
        flushed_at = milliseconds();
    }
    if (full_log == NULL)
        return;
    bool written = gzwrite(full_log, content, (unsigned)length) > 0;
    if (written && gzoffset(full_log) > MOST_LOG_BYTES)
        written = gzwrite(full_log, left_out, sizeof left_out - 1) < 0;
    if (!written)
        close_full_log();
    unflushed = written;
}

static void flush_full_log(void)
{
    if (!unflushed || milliseconds() - flushed_at < FLUSH_MILLISECONDS)
        return;
    if (gzflush(full_log, Z_SYNC_FLUSH) != Z_OK)
        close_full_log();
    unflushed = false;
    flushed_at = milliseconds();
}

static void write_all(int target, const char *content, size_t length)
{
    while (length > 0) {
        ssize_t written = write(target, content, length);
        if (written < 0 && errno != EINTR)
            return; /* Nobody reads it any more; FILE still gets it. */
        if (written > 0) {
            content += written;
            length -= (size_t)written;
        }
    }
}

/* Passes on what the pipe holds now, and no more: a program that writes without end must not delay a signal. */
static void pass_on(struct stream *stream)
{
    static char content[PIPE_BYTES];
    ssize_t length = stream->source < 0 ? -1 : read(stream->source, content, sizeof content);
    if (length > 0) {
        keep(content, (size_t)length);
        log_in_full(content, (size_t)length);
        write_all(stream->target, content, (size_t)length);
    } else if (length == 0) {
        close(stream->source);
        stream->source = -1;
    }
}

static bool note(void)
{
    FILE *result = fopen(result_path, "we");
    if (result == NULL)
        return false;
    fprintf(result, "%d\n", exit_code);
    size_t shown = last_length < LOG_BYTES ? last_length : LOG_BYTES;
    fwrite(last + last_length - shown, 1, shown, result);
    return fclose(result) == 0;
}

/* Says why there is no program, wherever its output would be. */
static void say(const char *what, int problem)
{
    char reason[512];
    int length = snprintf(reason, sizeof reason, "%s: %s\n", what, strerror(problem));
    length = length < (int)sizeof reason ? length : (int)sizeof reason - 1;
    keep(reason, (size_t)length);
    log_in_full(reason, (size_t)length);
    write_all(STDERR_FILENO, reason, (size_t)length);
}

static void die(const char *what)
{
    say(what, errno);
    exit_code = CANNOT_RUN;
    close_full_log();
    note();
    exit(CANNOT_RUN);
}

/* Reaps one child that has ended, with these OPTIONS of waitpid; false if there is none. */
static bool reap(int options)
{
    int status;
    pid_t child = waitpid(-1, &status, options);
    if (child == program)
        exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return child > 0;
}

/* After this FILE is empty, also if this process is killed. */
static void take_variables(void)
{
    FILE *variables = fopen(result_path, "r+e");
    if (variables == NULL)
        return;
    char *variable = NULL;
    size_t size = 0;
    while (getdelim(&variable, &size, '\0', variables) > 0) {
        putenv(variable); /* which keeps it */
        variable = NULL;
        size = 0;
    }
    free(variable);
    if (ftruncate(fileno(variables), 0) < 0)
        die(result_path);
    fclose(variables);
}

/* When memory runs out, the kernel is to kill the program, which runs again, and not the Workflow Manager. */
static void be_killed_first(void)
{
    FILE *score = fopen("/proc/self/oom_score_adj", "we");
    if (score == NULL)
        return;
    fputs("1000", score);
    fclose(score);
}

static bool is_own_child(const char *process)
{
    char path[300], stat[512];
    snprintf(path, sizeof path, "/proc/%s/stat", process);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t length = read(file, stat, sizeof stat - 1);
    close(file);
    stat[length > 0 ? length : 0] = '\0';
    /* "PID (NAME) STATE PARENT ...", and a name may hold parentheses. */
    const char *name_end = strrchr(stat, ')');
    int parent;
    return name_end != NULL && sscanf(name_end + 1, " %*c %d", &parent) == 1 && parent == getpid();
}

static bool kill_children(void)
{
    bool found = false;
    DIR *processes = opendir("/proc");
    if (processes == NULL)
        return false;
    for (struct dirent *entry; (entry = readdir(processes)) != NULL;)
        if (isdigit((unsigned char)entry->d_name[0]) && is_own_child(entry->d_name)) {
            kill((pid_t)atoi(entry->d_name), SIGKILL);
            found = true;
        }
    closedir(processes);
    return found;
}

/* The children of a killed process become children of this one, so the loop reaches all descendants. */
static void kill_all(void)
{
    while (kill_children())
        reap(0);
}

static void start(char **command, struct stream streams[2])
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, pipe_signal;
    int ends[2][2];

    posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < 2; i++) {
        if (pipe2(ends[i], O_CLOEXEC) < 0)
            die("run-program cannot make a pipe");
        fcntl(ends[i][0], F_SETFL, O_NONBLOCK);
        streams[i] = (struct stream){.source = ends[i][0], .target = i + 1};
        posix_spawn_file_actions_adddup2(&actions, ends[i][1], i + 1);
    }
    sigemptyset(&none);
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &pipe_signal);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

    int problem = posix_spawnp(&program, command[0], &actions, &attributes, command, environ);
    for (int i = 0; i < 2; i++)
        close(ends[i][1]);
    if (problem != 0) {
        say(command[0], problem);
        exit_code = NO_PROGRAM;
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: run-program FILE COMMAND [ARGUMENT...]\n", stderr);
        return CANNOT_RUN;
    }
    result_path = argv[1];
    take_variables();
    full_log_path = getenv("OODT_RUN_LOG");
    unsetenv("OODT_RUN_LOG");
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    int signal_source = signalfd(-1, &signals, SFD_CLOEXEC);
    /*
     * Orphans of the program become children of this process, so that kill_all() finds them. Only a processor that
     * QEMU emulates for single programs lacks that (EINVAL): there a daemon outlives SIGTERM.
     */
    if (signal_source < 0 || (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 && errno != EINVAL))
        die("run-program cannot supervise programs");

    be_killed_first();
    struct stream streams[2];
    start(argv + 2, streams);
    /* The loop ends with the program and not with its output: a daemon may keep the other end of the pipe open. */
    while (exit_code < 0) {
        struct pollfd sources[] = {
            {.fd = signal_source, .events = POLLIN},
            {.fd = streams[0].source, .events = POLLIN},
            {.fd = streams[1].source, .events = POLLIN},
        };
        if (poll(sources, 3, unflushed ? FLUSH_MILLISECONDS : -1) < 0)
            continue;
        for (int i = 0; i < 2; i++)
            if (sources[i + 1].revents)
                pass_on(&streams[i]);
        struct signalfd_siginfo caught;
        if (sources[0].revents && read(signal_source, &caught, sizeof caught) == sizeof caught) {
            if (caught.ssi_signo == SIGTERM)
                kill_all();
            while (reap(WNOHANG))
                ;
        }
        flush_full_log();
    }
    for (int i = 0; i < 2; i++)
        pass_on(&streams[i]);
    close_full_log();
    if (!note())
        die(result_path);
    return exit_code;
}
