/**
 * Maps of the drivers and targets that a config may name. Both maps are filled by augmentation: unmoor's own
 * entries are in `adapters/config-maps.ts`, and a package with a driver or a target adds its own:
 *
 * ```ts
 * declare module 'unmoor' {
 *   interface Drivers { 'unmoor-mongo': MongoOptions }
 *   interface Targets { deno: DenoOptions }
 *   interface DeployTargets { deno: DenoDeployOptions }
 * }
 * ```
 */

/** Options of each driver, by the driver's name. */
export interface Drivers {}

/** Options of each target (`targets.NAME.options`), by the target's name. */
export interface Targets {}

/** Options of `unmoor deploy` for each target (`targets.NAME.deploy`), by the target's name. */
export interface DeployTargets {}
