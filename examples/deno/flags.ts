/**
 * Returns the permissions and flags with which Deno runs an artifact. Nothing is fetched, installed or
 * prompted for, because the bundle stands alone, and only the data folder is writable. Without Deno's legacy
 * abort a request's signal aborts only when its client has disconnected, as on every other target.
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
