declare const UNMOOR_BUILT: boolean | undefined

/**
 * True in a bundle whose build defines `UNMOOR_BUILT`. The build has run the declarations with every check by
 * then (that is how it gets the manifest), so the checks and their messages need not be shipped.
 */
export const BUILT: boolean = typeof UNMOOR_BUILT !== 'undefined'
