import type { DriverSpec } from './adapter.ts'

/** What one target has of its own. */
export interface TargetConfig {
  /** Driver per binding on this target, by name or with options; comes before {@link Config.drivers}. */
  drivers?: Readonly<Record<string, string | DriverSpec>>
  /** The adapter's own options (see its README). */
  options?: Readonly<Record<string, unknown>>
  /** Module of an adapter that unmoor does not ship: a path from the project, or a package. Default: unmoor's own of that name. */
  adapter?: string
}

/** What `unmoor.config.ts` exports as its default. Plain data; every field is optional. */
export interface Config {
  /** The app's name: lower-case letters, digits and hyphens, at most 63. Resources on platforms are named after it. Default: the name in package.json, without its scope. */
  name?: string
  /** The module whose default export is the app, from the project's folder. Default: `src/app.ts`. */
  entry?: string
  /** Driver per binding on every target, by name or with options. Default: the target's own. */
  drivers?: Readonly<Record<string, string | DriverSpec>>
  /** What single targets have of their own, by target. */
  targets?: Readonly<Record<string, TargetConfig>>
  /**
   * The wrangler file of an existing Worker, which is built in place of an app (`entry`), or with its environment: `{ config: './wrangler.jsonc', env: 'staging' }`.
   * `allow` names what may stay in the build though only Cloudflare has it (`cloudflare:sockets`, `WebSocketPair`): it fails where it is reached. Default: none.
   */
  worker?: string | { readonly config: string; readonly env?: string; readonly allow?: readonly string[] }
  /** Folder for local data (sqlite files, a simulator's state), from the project's folder; each target gets one below it. Default: `.unmoor/data`. */
  dataDir?: string
}

/** Gives `config` back: it is there so that an editor knows its type. */
export function defineConfig(config: Config): Config {
  return config
}
