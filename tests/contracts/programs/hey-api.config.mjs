export default { input: process.env.CONTRACT, output: process.env.OUTPUT, logs: { file: false } };
