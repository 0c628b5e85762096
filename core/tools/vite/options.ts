/** Options of the Vite plugin `unmoor()`. */
export interface UnmoorViteOptions {
  /**
   * Folder of the app, relative to Vite's root. Default: the first folder, from Vite's root upwards, that has
   * an `unmoor.config.ts` (or `.mts`, `.js`, `.mjs`).
   */
  project?: string | undefined
  /**
   * Targets that `vite build` builds the app for. Default: those under `targets` of `unmoor.config.ts`, or
   * `node` if there are none.
   */
  targets?: readonly string[] | undefined
  /** Environment of `unmoor.config.ts` to use. Default: none. */
  environment?: string | undefined
  /** If false, `vite build` does not look for what the targets cannot honour. Default: true. */
  check?: boolean | undefined
  /** If false, `vite dev` opens no page with the app's data, crons and logs. Default: true. */
  page?: boolean | undefined
}
