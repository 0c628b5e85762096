/**
 * How Deno runs an artifact: nothing is fetched, installed or asked for, since the bundle stands alone, and
 * only the data folder is written to. Without the legacy abort a request's signal aborts only when its client
 * has gone away, as on every other target.
 */
export function denoFlags(dataDir: string): string[] {
  return [
    '--no-config',
    '--no-npm',
    '--no-remote',
    '--no-prompt',
    '--unstable-no-legacy-abort',
    '--allow-env',
    '--allow-net',
    '--allow-sys',
    '--allow-read',
    `--allow-write=${dataDir}`,
  ]
}
