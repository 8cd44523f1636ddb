/**
 * The pages that a debugger needs to open a dump and to show log, tasks, stacks and modules, those needed most first. By
 * BTF, kallsyms and vmcoreinfo. What the crashed kernel lacks, or where it is damaged, costs its part.
 */
import type { Effort } from '../autopsy/effort.ts';
import { type Inspection, inspect } from '../autopsy/inspection.ts';
import { readModuleList } from '../autopsy/module-list.ts';
import { openAutopsy } from '../autopsy/open.ts';
import type { TaskList } from '../autopsy/tasks/tasks.ts';
import { AutopsyError, attempt, describeError } from '../errors.ts';
import type { Vmcore } from '../vmcore/open.ts';
import { ANSWERS } from './answers.ts';
import { addBacktraces, addKnownCode, addStopFrames } from './code.ts';
import { addPageTables, addPatchingTables, addTables, addVariables } from './image.ts';
import { addCpu, addLog, addModule, addModuleText, addNodes, addPerCpuArea, addSections } from './machine.ts';
import { PageOrder } from './page-order.ts';
import type { Subject } from './ranges.ts';
import { PageRecorder } from './recorder.ts';
import { addPids, addTask, addUsedStack, addWholeStack, byNeed } from './tasks.ts';

export interface TriageRequest {
  /** Whether the dump has the page: no others are taken. */
  readonly isHeld: (pfn: number) => boolean;
  readonly mostPages: number;
  /** Where it ends, what was found until then is the selection. */
  readonly effort?: Effort;
  readonly onProgress?: () => void;
}

export interface Triage {
  /** Those needed most first. */
  readonly pfns: readonly number[];
  /** How many of `pfns`, from the first on, a debugger with the kernel's debug symbols needs; the rest stands in for those. */
  readonly debuggerPages: number;
  readonly parts: readonly TriagePart[];
  readonly problems: readonly string[];
}

/** How many pages a part added to those of the parts before it. */
export interface TriagePart {
  readonly name: string;
  readonly pages: number;
}

/** @throws as `openTriage` and `finishTriage`. */
export function selectTriage(vmcore: Vmcore, request: TriageRequest): Triage {
  return finishTriage(openTriage(vmcore, request));
}

/** A kernel of which it is noted what is read. */
export interface OpenTriage extends Subject {
  /** What was read to open it. */
  readonly opening: PageOrder;
  readonly order: PageOrder;
}

/** @throws KernelError when virtual addresses cannot be read. */
export function openTriage(
  vmcore: Vmcore,
  { isHeld, mostPages, effort, onProgress = () => {} }: TriageRequest,
): OpenTriage {
  const order = new PageOrder(isHeld, mostPages);
  const opening = new PageOrder(isHeld, mostPages);
  const recorder = new PageRecorder(opening, vmcore.pageSizeBytes, onProgress);
  const kernel = openAutopsy(vmcore, read => recorder.over(read), effort);
  recorder.into = order;
  kernel.memory.forgetTranslations();
  return { kernel, recorder, opening, order };
}

/**
 * @param withTables what stands in for debug symbols, and what our own verbs answer, are chosen too: twice the reads.
 * @param inspection of the kernel, where another part has read of it since `openTriage`.
 * @throws AutopsyError when no task is found; what `onProgress` throws.
 */
export function finishTriage(
  subject: OpenTriage,
  withTables = true,
  inspection = inspect(subject.kernel),
): Triage {
  const { kernel, recorder, order } = subject;
  const problems = [...kernel.missing];
  const parts: TriagePart[] = [];
  const run = (name: string, work: () => void) => {
    const before = order.pfns.length;
    attempt(work, error => problems.push(describeError(error)));
    parts.push({ name, pages: order.pfns.length - before });
  };
  const list = inspection.tasks();
  parts.push({ name: 'lists', pages: order.pfns.length });
  for (const [name, work] of Object.entries(DEBUGGER_PARTS)) run(name, () => work(subject, list, inspection));
  const debuggerPages = order.pfns.length;
  if (withTables) {
    for (const [name, work] of Object.entries(FILE_PARTS)) run(name, () => work(subject));
    for (const [name, answer] of Object.entries(ANSWERS)) run(name, () => answer(kernel, list, inspection));
  }
  if (recorder.stopped !== undefined) throw recorder.stopped;
  if (list.tasks.length === 0) throw noTasks(problems, list);
  return { pfns: order.pfns, debuggerPages, parts, problems };
}

function noTasks([problem]: readonly string[], { errors }: TaskList): AutopsyError {
  return new AutopsyError('TRIAGE_TASKS', {
    action: 'choose the pages for triage',
    actual: problem ?? (errors.length > 0 ? describeError(errors[0]) : 'the list of tasks is empty'),
    wanted: 'tasks, of which BTF and kallsyms tell where they are',
  });
}

const DEBUGGER_PARTS: Readonly<
  Record<string, (subject: Subject, list: TaskList, inspection: Inspection) => void>
> = {
  variables: subject => addVariables(subject),
  log: subject => addLog(subject),
  cpus: subject => {
    for (const cpu of subject.kernel.perCpu.possible) addCpu(subject, cpu);
  },
  // Before the large parts: crash finds the exception stacks by cpu_tss_rw, and without it shows no frame of an NMI.
  perCpu: subject => {
    for (const cpu of subject.kernel.perCpu.possible) addPerCpuArea(subject, cpu);
  },
  tasks: (subject, list) => {
    for (const task of byNeed(list)) addTask(subject, task);
  },
  stacks: (subject, list) => {
    for (const task of byNeed(list)) addUsedStack(subject, task);
  },
  code: subject => addKnownCode(subject),
  backtraces: (subject, list, inspection) => addBacktraces(subject, inspection.unwinder(), list),
  stops: subject => {
    for (const cpu of subject.kernel.perCpu.online) addStopFrames(subject, cpu);
  },
  pids: subject => addPids(subject),
  pageTables: subject => addPageTables(subject),
  nodes: subject => addNodes(subject),
  sections: subject => addSections(subject),
  modules: subject => {
    readModuleList(subject.kernel);
    for (const module of subject.kernel.modules) addModule(subject, module);
    // Before Linux v6.4 a module is one block of memory, and crash reads all of it for the module's symbols.
    if (!subject.kernel.types.has('module.mem')) addModuleTexts(subject);
  },
  wholeStacks: (subject, list) => {
    for (const task of byNeed(list)) addWholeStack(subject, task);
  },
};

/** What vmlinux and the files of the modules have: for those who have neither. */
const FILE_PARTS: Readonly<Record<string, (subject: OpenTriage) => void>> = {
  tables: subject => {
    addTables(subject);
    subject.recorder.into.addAll(openingWithoutCode(subject));
  },
  patching: subject => addPatchingTables(subject),
  moduleTexts: subject => addModuleTexts(subject),
};

function addModuleTexts(subject: Subject): void {
  for (const module of subject.kernel.modules) addModuleText(subject, module);
}

/**
 * Before Linux v6.0 kallsyms is found by reading the image from its start. Its code would fill the dump before the tables, and
 * the search passes over pages that a dump lacks.
 */
function openingWithoutCode({ kernel: { memory, symbols }, opening }: OpenTriage): readonly number[] {
  const [start, end] = [symbols.address('_stext'), symbols.address('_etext')];
  const first = start === undefined ? undefined : memory.translate(start)?.paddr;
  if (start === undefined || end === undefined || first === undefined) return opening.pfns;
  const pageOf = (paddr: number) => Math.floor(paddr / memory.arch.pageSizeBytes);
  // The image is one piece of physical memory.
  const [firstPage, endPage] = [pageOf(first), pageOf(first + Number(end - start))];
  return opening.pfns.filter(pfn => pfn < firstPage || pfn >= endPage);
}
