/** What is wrong with /etc/kdump.conf. */
import { Failure } from '../../../capture/errors.ts';

export class ConfigError extends Failure {}
