declare const UNMOOR_DEFAULTS: Readonly<Record<string, string>> | undefined

/**
 * Gives the variables that the app declares with a default, and that are not set, their defaults in
 * `environment`, such as `process.env`: libraries and the app read it while their modules load. A target's
 * run-time half calls it at its import, before the app's. Outside of a build it does nothing.
 */
export function setDefaultVariables(environment: Record<string, string | undefined>): void {
  if (typeof UNMOOR_DEFAULTS === 'undefined') return
  for (const [name, value] of Object.entries(UNMOOR_DEFAULTS)) environment[name] ??= value
}
