/*
 * Runs the program of a PGE task: run-program FILE COMMAND [ARGUMENT...]
 *
 * At first FILE holds variables that the program gets besides the environment: NAME=VALUE, each ended by a zero byte.
 * The program's output is passed on. When the program has ended, FILE holds its exit code in the first line and the end
 * of its output after it: OODT does not report the code and loses the output. SIGTERM kills the program and all that it
 * has started, also daemons and processes in sessions of their own.
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
#include <sys/wait.h>
#include <unistd.h>

enum { LOG_BYTES = 65536, PIPE_BYTES = 65536, NO_PROGRAM = 127, CANNOT_RUN = 126 };

/* One output of the program: what comes from SOURCE is written to TARGET. */
struct stream {
    int source;
    int target;
};

/* More than anybody is shown: progress bars and colours are taken out later. */
static char last[LOG_BYTES];
static size_t last_length;
static pid_t program;
static int exit_code = -1;

static void die(const char *what)
{
    fprintf(stderr, "run-program: %s: %s\n", what, strerror(errno));
    exit(CANNOT_RUN);
}

static void keep(const char *content, size_t length)
{
    if (length > LOG_BYTES) {
        content += length - LOG_BYTES;
        length = LOG_BYTES;
    }
    size_t kept = last_length + length > LOG_BYTES ? LOG_BYTES - length : last_length;
    memmove(last, last + last_length - kept, kept);
    memcpy(last + kept, content, length);
    last_length = kept + length;
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
        write_all(stream->target, content, (size_t)length);
    } else if (length == 0) {
        close(stream->source);
        stream->source = -1;
    }
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
static void take_variables(const char *path)
{
    FILE *variables = fopen(path, "r+e");
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
        die(path);
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
            die("pipe");
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
        char reason[512];
        int length = snprintf(reason, sizeof reason, "%s: %s\n", command[0], strerror(problem));
        length = length < (int)sizeof reason ? length : (int)sizeof reason - 1;
        keep(reason, (size_t)length);
        write_all(STDERR_FILENO, reason, (size_t)length);
        exit_code = NO_PROGRAM;
    }
}

static void note(const char *path)
{
    FILE *result = fopen(path, "we");
    if (result == NULL)
        die(path);
    fprintf(result, "%d\n", exit_code);
    fwrite(last, 1, last_length, result);
    if (fclose(result) != 0)
        die(path);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: run-program FILE COMMAND [ARGUMENT...]\n", stderr);
        return CANNOT_RUN;
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    int signal_source = signalfd(-1, &signals, SFD_CLOEXEC);
    /* Orphans of the program become children of this process, so that kill_all() finds them. */
    if (signal_source < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        die("cannot supervise programs");

    take_variables(argv[1]);
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
        if (poll(sources, 3, -1) < 0)
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
    }
    for (int i = 0; i < 2; i++)
        pass_on(&streams[i]);
    note(argv[1]);
    return exit_code;
}
