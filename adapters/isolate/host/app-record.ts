import type { OutboundRules } from '../services/outbound/rules.ts'
import type { AppLimits, LimitSettings } from './limits.ts'

/** How an app is served; what a config or a deploy says of it. */
export interface AppSettings {
  /**
   * Host names, such as `shop.example.com`; `*.example.com` takes every name one or more labels below, `*`
   * all that no other app has. Default: the app's name, alone or as the first label.
   */
  hosts?: readonly string[] | undefined
  /** Path prefixes, such as `/shop`; the app sees the path without it. Default: none. */
  paths?: readonly string[] | undefined
  /** Variables of the app. Default: none; those of the host's process never reach an app. */
  variables?: Readonly<Record<string, string>> | undefined
  /** Secrets of the app, and variables that the admin API is not to tell. Default: none. */
  secrets?: Readonly<Record<string, string>> | undefined
  /**
   * Token of the test channel, in artifacts that were built with it. Default: none, the channel is closed.
   */
  testToken?: string | undefined
  /** Default: the host's. */
  limits?: Partial<LimitSettings> | undefined
  /**
   * Where the app's `fetch` may go besides public addresses, and where not; added to the host's rules.
   * Default: the host's.
   */
  outbound?: OutboundRules | undefined
  /** Other apps of this host that its service bindings may call, by name. Default: the app itself only. */
  services?: readonly string[] | undefined
  /**
   * Driver per binding in place of the artifact's, with options: the operator's word, so anything goes.
   * Default: none.
   */
  drivers?:
    | Readonly<Record<string, string | { readonly driver: string; readonly [option: string]: unknown }>>
    | undefined
}

/** One app as the processes of a host know it. Plain data. */
export interface AppRecord {
  /** Unique in the host: its name in routes, metrics, data folders and shared backends. */
  name: string
  /** Tells one deploy from another; whatever changes it changes this. */
  version: string
  /** Absolute path of the artifact. */
  dir: string
  settings: AppSettings
  limits: AppLimits
  /** True if the app has queues or crons to run. */
  background: boolean
  /** Why it is not started. Default: it is. */
  refused?: string | undefined
}
