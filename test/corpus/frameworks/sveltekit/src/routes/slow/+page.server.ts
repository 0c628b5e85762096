export const load = () => ({ late: new Promise((done) => setTimeout(done, 20, 'came late')) })
