/** Writes an imported configuration. Nothing that anybody wrote is lost. */
import { SystemError } from '../../../../capture/errors.ts';
import type { Host } from '../../host/host.ts';
import { CONFIG_PATH } from '../config.ts';
import { isPackagedConfig } from '../packaged-file.ts';
import type { Import } from './import.ts';
import { configText } from './text.ts';

/** Where the other program's own kdump.conf is kept. */
const KEPT_PATH = `${CONFIG_PATH}.imported`;

/** @returns where the old kdump.conf is kept, if there was one. @throws SystemError where one of kdumpling is there already. */
export function writeImport(host: Host, found: Import): string | undefined {
  const old = host.read(CONFIG_PATH);
  const isSource = found.files.includes(CONFIG_PATH);
  if (old === undefined || isPackagedConfig(old)) {
    host.write(CONFIG_PATH, configText(found));
    return undefined;
  }
  const inTheWay = isSource ? KEPT_PATH : CONFIG_PATH;
  if (!isSource || host.exists(KEPT_PATH))
    throw new SystemError('NOT_OVERWRITTEN', {
      action: `write ${CONFIG_PATH}`,
      actual: `${inTheWay} exists`,
      toDo: `Move ${inTheWay} away, or take the lines that you want from \`kdumpling import-config --dry-run\``,
    });
  host.write(KEPT_PATH, old);
  host.write(CONFIG_PATH, configText(found));
  return KEPT_PATH;
}
