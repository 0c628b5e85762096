import { type DeployOptions, deployOptions } from '../../../core/deploy.ts'
import type { OptionTable } from '../../../core/option-table.ts'

/**
 * `targets.node.deploy` in unmoor.config.ts: a server that ssh reaches, with Node 24 or later, where a
 * service manager runs `node server.mjs` in `PATH/current`. `host` and `restart` are required.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   targets: {
 *     node: {
 *       deploy: {
 *         host: 'deploy@links.example.com',
 *         restart: 'sudo systemctl restart links',
 *         url: 'https://links.example.com',
 *       },
 *     },
 *   },
 * })
 * ```
 */
export interface NodeDeployOptions extends DeployOptions {
  /** Destination of ssh: `host`, `user@host`, or an alias of ssh's configuration. Required. */
  readonly host?: string
  /** Port of ssh, 1 to 65535. Default: that of ssh's configuration, else 22. */
  readonly port?: number
  /** File with ssh's configuration (`ssh -F`), relative to the project. Default: ssh's own. */
  readonly sshConfig?: string
  /**
   * Command that restarts the app's service on the server, such as `sudo systemctl restart links`. It runs in
   * `sh`, in `path`. Required.
   */
  readonly restart?: string
  /** Absolute path of the folder on the server that has `releases` and `current`. Default: `/srv/APP`. */
  readonly path?: string
  /**
   * File on the server with the variables and secrets of the app, a NAME=value on each line, which the
   * service reads too (`EnvironmentFile=`). Relative to `path`. Default: `env`; it may be missing if the app
   * needs none.
   */
  readonly envFile?: string
  /** Program that runs Node on the server. Default: `node`. */
  readonly node?: string
  /**
   * URL of `/readyz` as the server itself reaches it, on the app's `ADMIN_PORT`. Default:
   * `http://127.0.0.1:9090/readyz`.
   */
  readonly ready?: string
  /** Seconds that a restarted app may take until `ready` answers 200. From 1 to 900. Default: 60. */
  readonly readyTimeout?: number
  /** Number of releases that stay on the server, 2 to 100. Default: 5. */
  readonly keep?: number
}

export const nodeDeployOptions = {
  ...deployOptions,
  host: 'string',
  port: { number: 'port', min: 1, max: 65_535, whole: true },
  sshConfig: 'string',
  restart: 'string',
  path: 'string',
  envFile: 'string',
  node: 'string',
  ready: 'string',
  readyTimeout: { number: 'seconds', min: 1, max: 900 },
  keep: { number: 'releases', min: 2, max: 100, whole: true },
} satisfies OptionTable<NodeDeployOptions>
