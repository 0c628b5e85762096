/** The targets that unmoor ships. */
export const TARGETS = ['node', 'cloudflare', 'lambda', 'isolate'] as const
