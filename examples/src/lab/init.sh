#!/bin/sh
# The one program of a guest of the laboratory: loads the virtio drivers, then takes its load from
# lines on a virtio-serial port. A line is "ID VERB [ARGUMENTS]", its answer "ID ok|error [WORDS]".
#
#   ping            ok
#   burn N [P]      N busy loops, loop i on vCPU i modulo vCPUs, each busy for P % of the time
#                   (default 100); replaces the loops before; 0 ends them
#   eat MIB [R]     hold MIB of memory, grown by R MiB/s (default: as fast as it goes); if more is
#                   held now, let go of that
#   held            ok HELD TARGET growing|waiting|done: what is held, in MiB; waiting for memory
#   free            let go of all that is held
#   memory          ok TOTAL FREE AVAILABLE, in KiB
#
# Shortage must end in "waiting" or in a killed load, never in a dead guest: init itself is exempt
# from the kernel's out-of-memory killer, its loads are offered to it first.
export PATH=/bin
margin_kib=12288

mount -t devtmpfs none /dev
mount -t proc none /proc
mount -t sysfs none /sys
for module in /modules/*; do insmod "$module"; done
echo -1000 >/proc/self/oom_score_adj

port=
until [ -c "$port" ]; do
    for port in /dev/vport*; do :; done
    usleep 10000
done

expendable() { echo 1000 >/proc/self/oom_score_adj; }

# Hundredths of a second since boot, in $now. No process is started for it.
clock() {
    read -r now _ </proc/uptime
    now=${now%.*}${now#*.}
    now=${now#0}
    now=${now#0}
}

loop() {
    expendable
    [ "$1" -ge 100 ] && while :; do :; done
    clock
    start=$now
    while :; do
        while [ $((now - start)) -lt $((20 * $1 / 100)) ]; do clock; done
        start=$((start + 20))
        # A loop that was starved does not catch up: its load is a share of the time.
        [ $start -lt "$now" ] && start=$now
        usleep $(((start - now) * 10000))
        clock
    done
}

burn() {
    [ -n "$loops" ] && kill -9 $loops 2>/dev/null
    loops=
    i=0
    while [ $i -lt "$1" ]; do
        loop "${2:-100}" &
        taskset -p "$(printf %x $((1 << (i % cpus))))" $! >/dev/null
        loops="$loops $!"
        i=$((i + 1))
    done
}

available() {
    while read -r key value _; do
        [ "$key" = MemAvailable: ] && return
    done </proc/meminfo
}

# What is held, in MiB, in $have. It lies in processes that are stuck half-way through copying
# zeroes, and that the kernel may kill: /hold/PID says how much. A dead one has nothing resident.
held() {
    have=0
    for piece in /hold/*; do
        [ -e "$piece" ] || continue
        resident=0
        [ -e "/proc/${piece#/hold/}" ] && read -r _ resident _ <"/proc/${piece#/hold/}/statm"
        if [ "$resident" -gt 0 ]; then
            read -r size <"$piece"
            have=$((have + size))
        else
            rm "$piece"
        fi
    done
}

# Holds $1 MiB more, and waits until they are.
hold() {
    dd if=/dev/zero of=/full bs="$1M" count=1 2>/dev/null &
    echo "$1" >/hold/$!
    resident=0
    while [ "$resident" -lt $(($1 << 8)) ] && [ -e /proc/$!/exe ]; do
        usleep 5000
        read -r _ resident _ </proc/$!/statm
    done
}

# Grows what is held to $1 MiB, by $2 MiB/s if that is not 0.
grow() {
    expendable
    clock
    last=$now
    held
    while [ $have -lt "$1" ]; do
        step=16
        if [ "$2" -gt 0 ]; then
            usleep 250000
            clock
            step=$(($2 * (now - last) / 100))
            # At most what one second allows: lost time is not made up for in one bite.
            [ $step -gt "$2" ] && step=$2 && last=$((now - 100))
            [ $step = 0 ] && continue
            last=$((last + step * 100 / $2))
        fi
        [ $((have + step)) -gt "$1" ] && step=$(($1 - have))
        available
        if [ "$value" -lt $(((step << 10) + margin_kib)) ]; then
            echo waiting >/state
            usleep 200000
            clock
            last=$now
        else
            echo growing >/state
            hold $step
        fi
        held
    done
    echo "done" >/state
}

eat() {
    [ -n "$eater" ] && kill -9 "$eater" 2>/dev/null && wait "$eater" 2>/dev/null
    target=$1
    held
    for piece in /hold/*; do
        [ $have -gt "$target" ] || break
        read -r size <"$piece"
        kill -9 "${piece#/hold/}"
        rm "$piece"
        have=$((have - size))
    done
    grow "$1" "${2:-0}" &
    eater=$!
}

natural() {
    case $1 in '' | *[!0-9]*) return 1 ;; esac
}

do_line() {
    case $1 in
    ping) answer="ok" ;;
    burn)
        if natural "$2" && natural "${3:-100}"; then burn "$2" "$3" && answer="ok"; fi
        ;;
    eat)
        if natural "$2" && natural "${3:-0}"; then eat "$2" "$3" && answer="ok"; fi
        ;;
    free) eat 0 && answer="ok" ;;
    held)
        read -r state </state
        held
        answer="ok $have $target $state"
        ;;
    memory)
        answer=ok
        while read -r key value _; do
            case $key in MemTotal: | MemFree: | MemAvailable:) answer="$answer $value" ;; esac
        done </proc/meminfo
        ;;
    esac
}

read -r cpus </sys/devices/system/cpu/present
cpus=$((${cpus#*-} + 1))
loops=
eater=
target=0
mkfifo /full
exec 4<>/full
echo "done" >/state

while :; do
    # Blocks until somebody connects, so that a guest nobody talks to uses no CPU.
    echo ready
    while read -r id line; do
        answer="error cannot do: $line"
        do_line $line
        echo "$id $answer"
    done
done <>"$port" >&0
