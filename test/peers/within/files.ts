/** Stands for `node:fs/promises`: a Worker has no folder of the checkout. */
export default { readFile: (): string => '' }
