"""The system calls of Linux 5.16 that a confined process may make, whatever for.

They reach only what it has already: its memory, threads, clocks and open files, and what Landlock
lets it open; or they no longer exist, or ask for a privilege that it lacks. Each with its number on
x86-64 and on 64-bit ARM, from asm/unistd_64.h and asm-generic/unistd.h.
"""

HARMLESS = """
    read:0:63 write:1:64 close:3:57 stat:4: fstat:5:80 lstat:6: poll:7: lseek:8:62 mmap:9:222
    mprotect:10:226 munmap:11:215 brk:12:214 rt_sigaction:13:134 rt_sigprocmask:14:135
    rt_sigreturn:15:139 pread64:17:67 pwrite64:18:68 readv:19:65 writev:20:66 access:21: pipe:22:
    select:23: sched_yield:24:124 mremap:25:216 msync:26:227 mincore:27:232 madvise:28:233 dup:32:23
    dup2:33: pause:34: nanosleep:35:101 getitimer:36:102 alarm:37: setitimer:38:103 getpid:39:172
    sendfile:40:71 recvfrom:45:207 recvmsg:47:212 shutdown:48:210 getsockname:51:204
    getpeername:52:205 setsockopt:54:208 getsockopt:55:209 exit:60:93 wait4:61:260 uname:63:160
    shmdt:67:197 flock:73:32 fsync:74:82 fdatasync:75:83 ftruncate:77:46 getdents:78: getcwd:79:17
    chdir:80:49 fchdir:81:50 readlink:89: umask:95:166 gettimeofday:96:169 getrlimit:97:163
    getrusage:98:165 sysinfo:99:179 times:100:153 getuid:102:174 getgid:104:176 setuid:105:146
    setgid:106:144 geteuid:107:175 getegid:108:177 setpgid:109:154 getppid:110:173 getpgrp:111:
    setsid:112:157 setreuid:113:145 setregid:114:143 getgroups:115:158 setgroups:116:159
    setresuid:117:147 getresuid:118:148 setresgid:119:149 getresgid:120:150 getpgid:121:155
    setfsuid:122:151 setfsgid:123:152 getsid:124:156 capget:125:90 rt_sigpending:127:136
    rt_sigtimedwait:128:137 rt_sigsuspend:130:133 sigaltstack:131:132 ustat:136: statfs:137:43
    fstatfs:138:44 sysfs:139: getpriority:140:141 sched_getparam:143:121 sched_getscheduler:145:120
    sched_get_priority_max:146:125 sched_get_priority_min:147:126 sched_rr_get_interval:148:127
    mlock:149:228 munlock:150:229 mlockall:151:230 munlockall:152:231 _sysctl:156: arch_prctl:158:
    setrlimit:160:164 sync:162:81 create_module:174: get_kernel_syms:177: query_module:178:
    nfsservctl:180:42 getpmsg:181: putpmsg:182: afs_syscall:183: tuxcall:184: security:185:
    gettid:186:178 readahead:187:213 getxattr:191:8 lgetxattr:192:9 fgetxattr:193:10
    listxattr:194:11 llistxattr:195:12 flistxattr:196:13 time:201: futex:202:98
    sched_getaffinity:204:123 set_thread_area:205: io_destroy:207:1 io_getevents:208:4
    io_cancel:210:3 get_thread_area:211: lookup_dcookie:212:18 epoll_create:213: epoll_ctl_old:214:
    epoll_wait_old:215: remap_file_pages:216:234 getdents64:217:61 set_tid_address:218:96
    restart_syscall:219:128 fadvise64:221:223 timer_create:222:107 timer_settime:223:110
    timer_gettime:224:108 timer_getoverrun:225:109 timer_delete:226:111 clock_gettime:228:113
    clock_getres:229:114 clock_nanosleep:230:115 exit_group:231:94 epoll_wait:232: epoll_ctl:233:21
    vserver:236: mbind:237:235 set_mempolicy:238:237 get_mempolicy:239:236 mq_timedsend:242:182
    mq_timedreceive:243:183 mq_notify:244:184 mq_getsetattr:245:185 waitid:247:95 ioprio_get:252:31
    inotify_add_watch:254:27 inotify_rm_watch:255:28 newfstatat:262:79 readlinkat:267:78
    faccessat:269:48 pselect6:270:72 ppoll:271:73 set_robust_list:273:99 get_robust_list:274:100
    sync_file_range:277:84 epoll_pwait:281:22 signalfd:282: timerfd_create:283:85 eventfd:284:
    fallocate:285:47 timerfd_settime:286:86 timerfd_gettime:287:87 signalfd4:289:74 eventfd2:290:19
    epoll_create1:291:20 dup3:292:24 pipe2:293:59 preadv:295:69 pwritev:296:70 recvmmsg:299:243
    fanotify_mark:301:263 syncfs:306:267 getcpu:309:168 sched_getattr:315:275 seccomp:317:277
    getrandom:318:278 membarrier:324:283 mlock2:325:284 copy_file_range:326:285 preadv2:327:286
    pwritev2:328:287 pkey_mprotect:329:288 pkey_alloc:330:289 pkey_free:331:290 statx:332:291
    io_pgetevents:333:292 rseq:334:293 close_range:436:436 faccessat2:439:439 epoll_pwait2:441:441
    landlock_create_ruleset:444:444 landlock_add_rule:445:445 landlock_restrict_self:446:446
    futex_waitv:449:449
"""
