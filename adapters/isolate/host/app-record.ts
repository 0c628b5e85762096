import type { OutboundRules } from '../services/outbound/rules.ts'
import type { AppLimits, LimitSettings } from './limits.ts'

/** Settings of an app in the config or a deploy: routes, variables, limits and drivers. */
export interface AppSettings {
  /**
   * Host names of the app, such as `shop.example.com`. `*.example.com` matches any number of labels before
   * `.example.com`; `*` matches every host that no other app claims. Default: the app's name, alone or as the
   * first label.
   */
  hosts?: readonly string[] | undefined
  /** Path prefixes of the app, such as `/shop`; the app sees the path without its prefix. Default: none. */
  paths?: readonly string[] | undefined
  /**
   * Environment variables of the app. Default: none; the variables of the host's process never reach an app.
   */
  variables?: Readonly<Record<string, string>> | undefined
  /** Secrets of the app: variables whose values the admin API never returns. Default: none. */
  secrets?: Readonly<Record<string, string>> | undefined
  /**
   * Token of the test channel, in artifacts that were built with it. Default: none, the channel is closed.
   */
  testToken?: string | undefined
  /** Limits of this app that differ from the host's. Default: the host's limits. */
  limits?: Partial<LimitSettings> | undefined
  /**
   * Rules for the app's `fetch`: addresses allowed besides public ones, and addresses denied. They are added
   * to the host's rules. Default: the host's rules.
   */
  outbound?: OutboundRules | undefined
  /**
   * Names of other apps on this host that the app's service bindings may call. Default: the app itself only.
   */
  services?: readonly string[] | undefined
  /**
   * Drivers by binding that replace the artifact's. The operator sets them, so every driver and option is
   * allowed. Default: none.
   */
  drivers?:
    | Readonly<Record<string, string | { readonly driver: string; readonly [option: string]: unknown }>>
    | undefined
}

/** One app as the supervisor sends it to the host's processes. Plain data. */
export interface AppRecord {
  /** App name, unique in the host: used in routes, metrics, data folders and shared backends. */
  name: string
  /** Id of the app's version; every change to the app changes it. */
  version: string
  /** Absolute path of the app's artifact. */
  dir: string
  settings: AppSettings
  limits: AppLimits
  /** True if the app has queues or crons to run. */
  background: boolean
  /** Reason why the app is not started. Default: undefined, the app is started. */
  refused?: string | undefined
}
