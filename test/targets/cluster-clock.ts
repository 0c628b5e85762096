/**
 * Loaded before an app by `node --import`: sets its clock CLOCK_AHEAD_MS ahead, so that a minute begins when
 * a test wants it. Timers run as they do.
 */
const ahead = Number(process.env['CLOCK_AHEAD_MS'])
const RealDate = Date
const now = RealDate.now.bind(RealDate)
RealDate.now = () => now() + ahead
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now() + ahead] : args, newTarget) as Date,
})
