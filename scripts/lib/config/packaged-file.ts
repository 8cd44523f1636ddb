/** The kdump.conf that the package installs, which holds nothing that anybody chose. */

export const PACKAGED_CONFIG = `# What kdumpling does after a crash. Without a target line, dumps go to the file system that holds the path.
# Changes take effect at the next \`kdumpling load\`. \`kdumpling show\` says whether a crash would be captured now.
path /var/crash
core_collector makedumpfile -z -d 31
final_action reboot
failure_action reboot
`;

export function isPackagedConfig(text: string): boolean {
  return text === PACKAGED_CONFIG;
}
