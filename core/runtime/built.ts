declare const UNMOOR_BUILT: boolean | undefined

/**
 * True in a bundle whose build defines `UNMOOR_BUILT`. The build has already run the declarations with every
 * check (that is how it gets the manifest), so artifacts need not contain the checks and their messages.
 */
export const BUILT: boolean = typeof UNMOOR_BUILT !== 'undefined'
