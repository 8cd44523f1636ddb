# Sourced by the shells that are PID 1: early.sh, and again.sh. What they have in common.
# Where they fail, they reboot; where even that fails, PID 1 dies and the kernel reboots by its panic= option.
module_words=/run/module-words

give_up() {
  echo "<0>kdumpling: early: NOT saved: $1; rebooting" > /dev/kmsg
  # -n: nothing was written, and a sync would wait for a disk that is stuck.
  $bb reboot -nf
  echo b > /proc/sysrq-trigger
}

# Loads a module with its parameters from the kernel's command line, as capture/init/modules.ts does with the other modules.
# With `required`, modprobe.blacklist= does not keep it from being loaded: in modprobe(8), too, that word is about drivers
# that are loaded for a device, and not about modules that are loaded by name.
load() {
  file=$1 name=${1##*/} required=$2 ifs=$IFS
  IFS=-; set -- ${name%.ko}; IFS=_; name="$*"; IFS=$ifs; set --
  while read -r owner parameter; do
    case $owner in
      "$name") set -- "$@" "$parameter" ;;
      modprobe.blacklist)
        [ "$required" ] || case ,$parameter, in *,"$name",*)
          echo "<4>kdumpling: early: $name is not loaded: modprobe.blacklist= names it" > /dev/kmsg
          return
        esac ;;
    esac
  done < $module_words
  $bb insmod "$file" "$@"
}

several_cpus() {
  read -r online_cpus < /sys/devices/system/cpu/online
  case $online_cpus in *[,-]*) ;; *) return 1 ;; esac
} 2> /dev/null
