/**
 * `unmoor/test-channel`: what an artifact that is built for tests answers {@link handleTestChannel} with.
 * Adapters import it where `context.testChannel` is set.
 */
export { handleTestChannel, type TestChannel } from './test-channel.ts'
