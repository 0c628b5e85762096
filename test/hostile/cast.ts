import type { AppSettings } from '../../adapters/isolate/host/index.ts'
import type { BuildName } from './builds.ts'

/** An app of a class. */
export interface Tenant extends AppSettings {
  readonly build: BuildName
}

/** The apps of a class of attacks. */
export interface Cast {
  readonly name: string
  /** Settings of the apps that attack. */
  readonly tenant: Tenant | (() => Promise<Tenant>)
  /** Attacks for each such app. Default: 20. Who runs into limits gets a process of its own after four. */
  readonly perApp?: number
  /** Other apps that the class needs, by name. */
  readonly others?: Readonly<Record<string, Tenant | (() => Promise<Tenant>)>>
  readonly attacks: readonly { readonly name: string; readonly endsProcess?: unknown }[]
}

/** Name of the app that the attack of that number has. */
export function appOf({ name, perApp = 20, attacks }: Cast, index: number): string {
  if (attacks[index]?.endsProcess !== undefined) return `${name}-ends-${index}`
  return `${name}-${Math.floor(index / perApp)}`
}
