// Trainings whole: an epoch of the tutorial's CNN, a second fine-tuning on a stored frozen part, and many heads on features read once.
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { interleave } from './pairs.mjs';

/** @param tools what `run.mjs` has for every bench */
export function trainingBenches({ cli, project, generatedImages, headPipeline, smallHeadPipeline, lastLine, processMs, openPeers, say, rounds }) {
  return {
    /**
     * A step of fine-tuning VGG16 with its top at 224×224, eight layers frozen as Keras counts, batch 16; the frozen part stored, and not.
     * From epochs of 6 steps and of 2, so that all else falls out.
     */
    async 'fine-tune'() {
      const folder = project();
      const train = await generatedImages(folder, 96);
      const stages = {
        data: { kind: 'ingest-csv', with: { train } },
        some: { kind: 'split', from: 'data', with: {} },
        images: { kind: 'preprocess', from: 'some', with: { size: 224 } },
        tuned: { kind: 'fine-tune', from: 'images', with: { backbone: 'vgg16', weights: 'random', top: true, layer: 'fc2', freeze: { layers: 8 }, batch: 16, epochs: 1 } },
      };
      writeFileSync(join(folder, 'tune.yaml'), JSON.stringify({ stages }));
      let rate = 0.001;
      const seconds = (take, cacheFrozen) => lastLine(['run', 'tune.yaml', ...(take < 96 ? ['--set', `some.take=${take}`] : []), '--set', `tuned.cacheFrozen=${cacheFrozen}`, '--set', `tuned.optimizer.sgd.learningRate=${rate.toFixed(6)}`], folder).stages.tuned.durationMs / 1000;
      seconds(96, 'always');
      const stepOf = (cacheFrozen) => () => {
        rate += 1e-6;
        return (seconds(96, cacheFrozen) - seconds(32, cacheFrozen)) / 4;
      };
      const peers = await openPeers(['fine-tune-keras']);
      const alternatives = Object.fromEntries(Object.entries(peers).map(([name, peer]) => [name, async () => (await peer.run()) / 2]));
      const figures = await interleave({ stored: stepOf('always'), computed: stepOf('never'), ...alternatives }, Math.min(5, rounds));
      say('fine-tuning step of VGG16, 8 layers frozen, batch 16, frozen part stored, to tf.function', figures.stored, 's', '≤ 0.85 ×');
      say('the same, frozen part computed', figures.computed, 's', '≤ 1 ×');
      for (const peer of Object.values(peers)) peer.close();
      const { stderr } = spawnSync('/usr/bin/time', ['-v', process.execPath, cli, 'run', 'tune.yaml', '--set', 'seed=99'], { cwd: folder, encoding: 'utf8' });
      const rss = Number(/Maximum resident set size \(kbytes\): (\d+)/.exec(stderr)?.[1] ?? 0) / 1024;
      say('peak RSS of that fine-tuning', { median: rss, min: rss, max: rss }, 'MB', '≤ 3500 MB');
      rmSync(folder, { recursive: true });
    },

    /** The tutorial's CNN at 224×224: 256 images, batch 32, Adam; the images in memory after the first epoch, as they are for the peers. */
    async cnn() {
      const folder = project();
      const train = await generatedImages(folder, 256);
      const block = [{ conv2d: { filters: 32, size: 5, activation: 'relu' } }, { 'max-pool': { size: 4 } }];
      const layers = [...block, ...block, ...block, 'flatten', { dense: { units: 64, activation: 'relu' } }, { dropout: 0.5 }];
      const stages = {
        data: { kind: 'ingest-csv', with: { train } },
        images: { kind: 'preprocess', from: 'data', with: { size: 224, normalize: 'unit' } },
        network: { kind: 'train-network', from: 'images', with: { layers, batch: 32 } },
      };
      writeFileSync(join(folder, 'cnn.yaml'), JSON.stringify({ stages }));
      const seconds = (epochs, seed) => lastLine(['run', 'cnn.yaml', '--set', `network.epochs=${epochs}`, '--set', `seed=${seed}`], folder).stages.network.durationMs / 1000;
      let seed = 0;
      const epoch = () => {
        seed++;
        return (seconds(4, seed) - seconds(1, seed)) / 3;
      };
      const peers = await openPeers(['cnn-keras', 'cnn-torch']);
      const others = Object.fromEntries(Object.entries(peers).map(([name, peer]) => [name, () => peer.run()]));
      const figures = await interleave({ ...others, pipe: epoch }, rounds);
      for (const name of Object.keys(peers)) say(`an epoch of the tutorial's CNN at 224×224, 256 images, batch 32: ${name}, to pipe`, figures[name], 's', '≥ 1 ×');
      say('the same: pipe', { ...figures.pipe, ratio: undefined, interval: undefined }, 's', '');
      for (const peer of Object.values(peers)) peer.close();
      rmSync(folder, { recursive: true });
    },

    /** VGG16 up to block 4 frozen: an epoch with the frozen part computed, less one with it stored, against what `plan` says is saved. */
    async 'second-fine-tuning'() {
      const folder = project();
      const train = await generatedImages(folder, 48);
      const stages = {
        data: { kind: 'ingest-csv', with: { train } },
        images: { kind: 'preprocess', from: 'data', with: { size: 224 } },
        tuned: { kind: 'fine-tune', from: 'images', with: { backbone: 'vgg16', weights: 'random', freeze: { blocks: 4 }, batch: 16, epochs: 1 } },
      };
      writeFileSync(join(folder, 'tune.yaml'), JSON.stringify({ stages }));
      spawnSync(process.execPath, [cli, 'engines', 'test'], { cwd: folder });
      const plan = spawnSync(process.execPath, [cli, 'plan', 'tune.yaml', '--set', 'tuned.cacheFrozen=always'], { cwd: folder, encoding: 'utf8' }).stdout;
      const predicted = Number(/saves about ([\d.]+) s an epoch/.exec(plan)?.[1]);
      if (!predicted) throw new Error(`plan says nothing of what is saved:\n${plan}`);
      let seed = 0;
      const seconds = (epochs, cacheFrozen) => lastLine(['run', 'tune.yaml', '--set', `tuned.epochs=${epochs}`, '--set', `tuned.cacheFrozen=${cacheFrozen}`, '--set', `tuned.optimizer.sgd.learningRate=${0.001 + seed * 1e-5}`], folder).stages.tuned.durationMs / 1000;
      seconds(1, 'always');
      const saved = () => {
        seed++;
        const epochOf = (mode) => (seconds(4, mode) - seconds(1, mode)) / 3;
        return epochOf('never') - epochOf('always');
      };
      const figures = await interleave({ saved, predicted: () => predicted }, Math.min(5, rounds));
      say('seconds an epoch that a stored frozen part saves (VGG16, blocks 1–4, 48 images), to what `plan` said', figures.saved, 's', '0.8–1.2 ×');
      rmSync(folder, { recursive: true });
    },

    /** Peak memory of training the tutorial's head, one epoch: 49,000 rows of 25,088 float32 features (4.9 GB) against a tenth of them. */
    async 'many-rows'() {
      const peak = async (count) => {
        const folder = project();
        writeFileSync(join(folder, 'head.yaml'), headPipeline(await generatedImages(folder, count)));
        lastLine(['run', 'head.yaml', 'features'], folder);
        const { stderr, status } = spawnSync('/usr/bin/time', ['-v', process.execPath, cli, 'run', 'head.yaml', 'head', '--set', 'head.epochs=1'], { cwd: folder, encoding: 'utf8' });
        rmSync(folder, { recursive: true });
        if (status !== 0) throw new Error(stderr);
        return Number(/Maximum resident set size \(kbytes\): (\d+)/.exec(stderr)?.[1]) / 1024;
      };
      const figures = await interleave({ whole: () => peak(49_000), tenth: () => peak(4900) }, 1);
      say('peak RSS of training the head on 49,000 × 25,088, to that on a tenth', { ...figures.whole, interval: undefined }, 'MB', '1 ×, ≤ 800 MB');
    },

    /** Eight heads of 512-64-10 in one sweep, against eight runs one after another; whole processes. */
    async 'eight-heads'() {
      const folder = project();
      const train = await generatedImages(folder, 2000);
      writeFileSync(join(folder, 'heads.yaml'), smallHeadPipeline(train));
      lastLine(['run', 'heads.yaml', 'features'], folder);
      let seed = 0;
      const rates = [1, 2, 3, 4, 5, 6, 7, 8].map((i) => (i * 5e-4).toFixed(4));
      const path = 'head.optimizer.adam.learningRate';
      const together = () => processMs([cli, 'sweep', 'heads.yaml', '--over', `${path}=${rates}`, '--set', `seed=${++seed}`, '--quiet'], folder);
      const apart = () => {
        seed++;
        return rates.reduce((ms, rate) => ms + processMs([cli, 'run', 'heads.yaml', '--set', `${path}=${rate}`, '--set', `seed=${seed}`, '--quiet'], folder), 0);
      };
      const figures = await interleave({ together, apart }, rounds);
      say('eight heads of 512-64-10 in one sweep, to eight runs one after another', figures.together, 'ms', '≤ 0.6 ×');
      rmSync(folder, { recursive: true });
    },
  };
}
