let made = 0

export default defineCachedEventHandler(() => ({ made: ++made }), { maxAge: 60, swr: false })
