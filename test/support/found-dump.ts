/** A dump of which only the report is of interest. */
export const DUMP = {
  id: '1',
  directory: '/d',
  state: 'complete',
  time: new Date(0),
  timeBy: 'clock',
  files: [],
} as const;
