/**
 * Whether the machine is virtual. x86 CPUs say so; those of arm64 do not, and firmware does: DMI's names, or the device tree
 * (systemd's src/basic/virt.c has the same sources).
 */
import type { Host } from './host.ts';

const DMI = '/sys/class/dmi/id';
const DEVICE_TREE = '/proc/device-tree';
/** `sys_vendor` of virtual machines; where a vendor has real machines too, a name of the product. */
const VENDORS: readonly { readonly vendor: RegExp; readonly product?: RegExp }[] = [
  { vendor: /^(QEMU|KVM|VMware|innotek GmbH|Xen|Bochs|Parallels|BHYVE|OpenStack Foundation|Nutanix)\b/ },
  { vendor: /^Apple Inc\./, product: /Virtualization/ },
  { vendor: /^Microsoft Corporation/, product: /^Virtual Machine/ },
  { vendor: /^Google/, product: /^Google Compute Engine/ },
  { vendor: /^(Alibaba Cloud|Hetzner|DigitalOcean)/ },
  // A whole server is "c6g.metal".
  { vendor: /^Amazon EC2/, product: /^(?!.*\.metal)/ },
];

export function isVirtualMachine(host: Host): boolean {
  if (/^flags\s*:.*\bhypervisor\b/m.test(host.read('/proc/cpuinfo') ?? '')) return true;
  const name = (file: string) => (host.read(`${DMI}/${file}`) ?? '').trim();
  const [vendorName, productName] = [name('sys_vendor'), name('product_name')];
  if (VENDORS.some(({ vendor, product }) => vendor.test(vendorName) && (product?.test(productName) ?? true)))
    return true;
  if (host.exists(`${DEVICE_TREE}/hypervisor/compatible`)) return true;
  return host.read(`${DEVICE_TREE}/compatible`)?.split('\0').includes('linux,dummy-virt') ?? false;
}
