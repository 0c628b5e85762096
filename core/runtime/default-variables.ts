declare const UNMOOR_DEFAULTS: Readonly<Record<string, string>> | undefined

/**
 * Sets each declared variable that has a default and is not set in `environment`, such as `process.env`,
 * because libraries and the app read it while their modules load. The run-time half of a target calls this
 * before it imports the app. Outside of a build it does nothing.
 */
export function setDefaultVariables(environment: Record<string, string | undefined>): void {
  if (typeof UNMOOR_DEFAULTS === 'undefined') return
  for (const [name, value] of Object.entries(UNMOOR_DEFAULTS)) environment[name] ??= value
}
