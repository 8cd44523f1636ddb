// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Breaks the kernel that loads it, in the way whose name is written to /proc/kdumpling-lab. Each way is a function of
 * its own, so that the crash's trace names it.
 */
#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/proc_fs.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#ifdef CONFIG_X86
#include <asm/nmi.h>
#endif
#if __has_include(<linux/panic_notifier.h>)
#include <linux/panic_notifier.h>
#endif
#if __has_include(<linux/kfence.h>)
#include <linux/kfence.h>
#endif

#define FILE_NAME "kdumpling-lab"

/* Volatile: the compiler must not see what is wrong. */
static volatile unsigned long null_address;
static volatile unsigned long wild_address = 0x5a5a5a5a5a5a5a5aUL;
static volatile int zero;
static volatile int most_frames = 1 << 30;
static volatile size_t frame_overrun = 64;
static volatile size_t object_overrun = 4096;
static char __user *user_buffer;

static noinline int lab_null(void)
{
	return READ_ONCE(*(int *)null_address);
}

static noinline int lab_unmapped(void)
{
	unsigned long freed = (unsigned long)vmalloc(PAGE_SIZE);

	vfree((void *)freed);
	return READ_ONCE(*(int *)freed);
}

static noinline int lab_wild(void)
{
	return READ_ONCE(*(int *)wild_address);
}

static noinline int lab_divide(void)
{
	return most_frames / zero;
}

static noinline int lab_bug(void)
{
	BUG_ON(!zero);
	return 0;
}

static noinline int lab_panic(void)
{
	panic("kdumpling-lab: asked for");
	return 0;
}

static noinline int lab_warn(void)
{
	return WARN_ON(!zero);
}

static noinline int lab_recurse(int depth)
{
	volatile char frame[512];

	frame[0] = depth;
	if (depth > most_frames)
		return 0;
	return lab_recurse(depth + 1) + frame[0];
}

static noinline int lab_stack_overflow(void)
{
	return lab_recurse(0);
}

static noinline int lab_overrun_frame(void)
{
	char frame[16];
	volatile char *byte = frame;
	size_t i;

	for (i = 0; i < frame_overrun; i++)
		byte[i] = 0x5a;
	return frame[0];
}

static noinline int lab_list(void)
{
	struct list_head head, first, second;

	INIT_LIST_HEAD(&head);
	list_add(&first, &head);
	WRITE_ONCE(first.prev, &second);
	list_add(&second, &head);
	return 0;
}

static noinline int lab_refcount(void)
{
	refcount_t count = REFCOUNT_INIT(1);

	if (refcount_dec_and_test(&count))
		refcount_inc(&count);
	return 0;
}

/* Booted with slub_debug=P, a freed object holds a pattern that is no address. */
static noinline int lab_use_after_free(void)
{
	int ***object = kzalloc(256, GFP_KERNEL);
	unsigned long freed = (unsigned long)object;

	kfree(object);
	barrier();
	return READ_ONCE(**((int **)freed + 8));
}

/* Booted with kfence.sample_interval=1000, KFENCE takes one allocation in a second: most are made here. */
static noinline int lab_kfence(void)
{
#ifdef CONFIG_KFENCE
	int i;

	for (i = 0; i < 100000; i++) {
		unsigned long object = (unsigned long)kmalloc(64, GFP_KERNEL);
		bool guarded = is_kfence_address((void *)object);

		kfree((void *)object);
		barrier();
		if (guarded)
			return READ_ONCE(*(int *)object);
		usleep_range(100, 200);
	}
#endif
	return 0;
}

static noinline int lab_usercopy(void)
{
	char *object = kzalloc(64, GFP_KERNEL);

	/* A size that the compiler knows only gets a warning, and no copy is made. */
	OPTIMIZER_HIDE_VAR(object);
	return copy_to_user(user_buffer, object, object_overrun);
}

static noinline int lab_sleep_in_atomic(void)
{
	preempt_disable();
	schedule();
	preempt_enable();
	return 0;
}

static noinline int lab_spin(void)
{
	preempt_disable();
	while (!zero)
		cpu_relax();
	preempt_enable();
	return 0;
}

static noinline int lab_hold_rcu(void)
{
	rcu_read_lock();
	preempt_disable();
	while (!zero)
		cpu_relax();
	preempt_enable();
	rcu_read_unlock();
	return 0;
}

/* Without the barrier the compiler makes a jump of the call, and the trace lacks this function. */
static noinline void lab_in_interrupt(struct irq_work *work)
{
	lab_null();
	barrier();
}

static struct irq_work interrupt_work;

static int lab_interrupt(void)
{
	init_irq_work(&interrupt_work, lab_in_interrupt);
	irq_work_queue(&interrupt_work);
	mdelay(1000);
	return 0;
}

static noinline void lab_deaf(void *unused)
{
	while (!zero)
		cpu_relax();
}

/* The other CPU runs lab_deaf with interrupts off when this one panics. */
static noinline int lab_panic_beside_deaf(void)
{
	int other = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());

	smp_call_function_single(other, lab_deaf, NULL, false);
	mdelay(100);
	panic("kdumpling-lab: another CPU has interrupts off");
	return 0;
}

static int notified;

static noinline int lab_notified(struct notifier_block *block, unsigned long event, void *message)
{
	if (notified++ == 0)
		lab_null();
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = lab_notified };

static int lab_panic_notifier(void)
{
	atomic_notifier_chain_register(&panic_notifier_list, &notifier);
	return lab_panic();
}

#ifdef CONFIG_X86
static noinline int lab_in_nmi(unsigned int type, struct pt_regs *regs)
{
	lab_null();
	return NMI_HANDLED;
}

static int lab_nmi(void)
{
	return register_nmi_handler(NMI_LOCAL, lab_in_nmi, 0, FILE_NAME);
}
#endif

static DEFINE_MUTEX(lab_first);
static DEFINE_MUTEX(lab_second);
static DECLARE_RWSEM(lab_shared);
static const unsigned int TURN_MS = 200;

static int lab_hold_first(void *unused)
{
	mutex_lock(&lab_first);
	msleep(2 * TURN_MS);
	mutex_lock(&lab_second);
	return 0;
}

static int lab_hold_second(void *unused)
{
	mutex_lock(&lab_second);
	msleep(2 * TURN_MS);
	mutex_lock(&lab_first);
	return 0;
}

static int lab_hold_shared(void *unused)
{
	down_write(&lab_shared);
	mutex_lock(&lab_first);
	return 0;
}

static int lab_read_shared(void *unused)
{
	down_read(&lab_shared);
	return 0;
}

static int lab_write_shared(void *unused)
{
	down_write(&lab_shared);
	return 0;
}

/* Two threads wait for each other's mutex, a third for one of these, two others for what the third holds. */
static noinline int lab_deadlock(void)
{
	kthread_run(lab_hold_first, NULL, "lab-first");
	kthread_run(lab_hold_second, NULL, "lab-second");
	msleep(TURN_MS);
	kthread_run(lab_hold_shared, NULL, "lab-shared");
	msleep(TURN_MS);
	kthread_run(lab_read_shared, NULL, "lab-reader");
	kthread_run(lab_write_shared, NULL, "lab-writer");
	msleep(4 * TURN_MS);
	panic("kdumpling-lab: threads wait for one another");
	return 0;
}

static const struct {
	const char *name;
	int (*crash)(void);
} WAYS[] = {
	{ "null", lab_null },
	{ "unmapped", lab_unmapped },
	{ "wild", lab_wild },
	{ "divide", lab_divide },
	{ "bug", lab_bug },
	{ "panic", lab_panic },
	{ "warn", lab_warn },
	{ "stack-overflow", lab_stack_overflow },
	{ "overrun-frame", lab_overrun_frame },
	{ "list", lab_list },
	{ "refcount", lab_refcount },
	{ "use-after-free", lab_use_after_free },
	{ "kfence", lab_kfence },
	{ "usercopy", lab_usercopy },
	{ "sleep-in-atomic", lab_sleep_in_atomic },
	{ "spin", lab_spin },
	{ "hold-rcu", lab_hold_rcu },
	{ "interrupt", lab_interrupt },
	{ "panic-beside-deaf", lab_panic_beside_deaf },
	{ "panic-notifier", lab_panic_notifier },
#ifdef CONFIG_X86
	{ "nmi", lab_nmi },
#endif
	{ "deadlock", lab_deadlock },
};

static noinline int crash(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(WAYS); i++)
		if (sysfs_streq(name, WAYS[i].name))
			return WAYS[i].crash();
	pr_err("kdumpling-lab: no such way: %s\n", name);
	return -EINVAL;
}

static ssize_t lab_write(struct file *file, const char __user *buffer, size_t size, loff_t *offset)
{
	char name[32] = "";

	if (size >= sizeof(name) || copy_from_user(name, buffer, size))
		return -EINVAL;
	user_buffer = (char __user *)buffer;
	crash(name);
	return size;
}

static const struct proc_ops FILE_OPERATIONS = { .proc_write = lab_write };

static char *at_load = "";
module_param(at_load, charp, 0);
MODULE_PARM_DESC(at_load, "a way to crash in the module's init function");

static int __init lab_init(void)
{
	if (at_load[0])
		return crash(at_load);
	return proc_create(FILE_NAME, 0200, NULL, &FILE_OPERATIONS) ? 0 : -ENOMEM;
}

module_init(lab_init);
MODULE_DESCRIPTION("Ways to crash a kernel, for tests of crash dumps");
MODULE_LICENSE("Dual MIT/GPL");
