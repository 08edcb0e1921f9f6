// What TensorFlow.js makes of an exported model: `verify.mjs FOLDER MODULES` prints its probabilities as JSON. FOLDER holds
// `inputs.json` ({shape, numbers}) and the layers model; MODULES is a folder with @tensorflow/tfjs-layers, tfjs-core and
// tfjs-backend-cpu installed.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [folder, modules] = process.argv.slice(2);
const require = createRequire(join(modules, 'x.js'));
const tf = require('@tensorflow/tfjs-core');
require('@tensorflow/tfjs-backend-cpu');
const { loadLayersModel } = require('@tensorflow/tfjs-layers');

const { shape, numbers } = JSON.parse(readFileSync(join(folder, 'inputs.json'), 'utf8'));
const { modelTopology, weightsManifest, userDefinedMetadata } = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
const shards = weightsManifest.flatMap(({ paths }) => paths.map((path) => readFileSync(join(folder, path))));
const model = await loadLayersModel({
  load: async () => ({
    modelTopology,
    weightSpecs: weightsManifest.flatMap(({ weights }) => weights),
    weightData: new Uint8Array(Buffer.concat(shards)).buffer,
    userDefinedMetadata,
  }),
});
const probabilities = model.predict(tf.tensor(numbers, shape)).arraySync();
console.log(JSON.stringify({ probabilities: { 'tfjs-layers': probabilities }, metadata: model.getUserDefinedMetadata() }));
