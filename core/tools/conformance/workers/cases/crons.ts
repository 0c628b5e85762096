/**
 * Crons that a run of the Workers cases fires before its cases: expressions of the wrangler file, and
 * scheduled times.
 */
export const CRON_TIMES = [
  { cron: '*/30 * * * *', time: 1_780_000_200_000 },
  { cron: '0 0 * * 1', time: 1_780_185_600_000 },
] as const
