#!/bin/bash
# First process of the laboratory's namespaces: makes the places where libvirt keeps its files
# private, then starts and stops the daemon as it is told on standard input. When that ends,
# because the owner closed it or died in whatever way, it leaves; the kernel then ends all that
# still runs in here, guests included, and nothing of it is left on the machine.
#
#   $1  folder of the laboratory
set -euo pipefail
folder=$1
[ $$ = 1 ] || { echo "not in a process namespace of its own" >&2; exit 1; }

hide() { mount --bind "$folder/$1" "$2"; }
hide etc /etc/libvirt
hide run /run
hide var /var
hide passwd /etc/passwd
hide group /etc/group
# Guests are emulated. The daemon and QEMU would try a KVM device just because it is there; while
# it can be written to, the daemon even asks QEMU anew, for seconds, what it can do.
if [ -e /dev/kvm ]; then
    hide nothing /dev/kvm
    mount -o remount,bind,ro /dev/kvm
fi
# The view of the devices that goes with our network namespace; without control groups.
mount -t sysfs sysfs /sys
echo ready

while read -r verb; do
    case $verb in
    start)
        libvirtd --config "$folder/etc/libvirtd.conf" --pid-file "$folder/run/libvirtd.pid" \
            >>"$folder/libvirtd.out" 2>&1 &
        daemon=$!
        ;;
    stop) kill "$daemon" && wait "$daemon" || true ;;
    crash) kill -9 "$daemon" && wait "$daemon" || true ;;
    esac
    echo "$verb"
done
# A daemon that is just starting would make its sockets anew in a folder that is just removed.
kill -9 -1 || true
wait || true
rm -rf --one-file-system "$folder"
