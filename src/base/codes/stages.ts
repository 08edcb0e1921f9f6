import { defineCodes } from './code.ts';

export const stageCodes = defineCodes({
  S001: { exit: 1, title: 'a stage failed', explanation: 'The stage ran and ended with its own failure.' },
  S010: {
    exit: 1,
    title: 'a training diverged',
    explanation:
      'The loss stopped being a number, nearly always because the learning rate is too high. The last good checkpoint is kept; try a tenth of the rate.',
  },
  S011: {
    exit: 4,
    title: 'there is nothing to train on',
    explanation:
      'The dataset has no labelled row in its training split, or all of them are of one class. Look at the CSV, or at the shares of the split stage.',
  },
  S012: {
    exit: 4,
    title: 'a class has no training rows',
    explanation:
      'A class occurs in the dataset but not in its training split, so the model cannot learn it. A stratified split puts some rows of each class on both sides.',
  },
  S013: {
    exit: 3,
    title: 'a class weight names no class',
    explanation:
      'A key of `classWeights` is not a class of the dataset. Classes are compared as text, letter by letter.',
  },
  S014: {
    exit: 3,
    title: 'there is nothing to monitor',
    explanation:
      'Early stopping or the learning-rate schedule watches the validation split, and the dataset has none. Add a split stage, or monitor `loss`.',
  },
  S020: {
    exit: 1,
    title: 'a metric missed its bound',
    explanation: 'An `assert` of the evaluate stage does not hold. The metrics are kept all the same.',
  },
  S021: {
    exit: 4,
    title: 'there is nothing to evaluate',
    explanation:
      'The rows asked for have no labels, or there are none. `on:` names the split; the rows of a test file without labels cannot be scored.',
  },
  S022: {
    exit: 1,
    title: 'a model is worse than the baseline',
    explanation:
      'Always saying the commonest class is right more often than the model. It has learnt nothing that helps: look at the learning rate, the preprocessing and the labels.',
  },
  S023: {
    exit: 3,
    title: 'a model does not fit the data',
    explanation:
      'The model was trained on other features or images, or on other classes, than those it is asked about. Both must come from the same preprocess and extract-features settings.',
  },
  S024: {
    exit: 3,
    title: 'an assert cannot be read',
    explanation:
      'An `assert` compares a metric that the stage gives with a number: `log-loss: "< 0.35"`. The comparisons are <, <=, > and >=.',
  },
  S025: {
    exit: 3,
    title: 'an input of a stage is missing',
    explanation: 'The stage kind needs another input for what it is asked to do; the message says which.',
  },
  S030: {
    exit: 1,
    title: 'a command failed',
    explanation:
      'The command of an exec stage ended with another exit code than 0 or by a signal. The last lines that it wrote are shown.',
  },
  S031: {
    exit: 1,
    title: 'a command left an output out',
    explanation:
      'The command of an exec stage ended well but did not write a file that its `outputs` declare. Nothing is recorded.',
  },
  S032: {
    exit: 1,
    title: 'a command took too long',
    explanation:
      'The command of an exec stage ran past its `timeoutSeconds` and was ended with everything that it had started.',
  },
  S033: {
    exit: 3,
    title: 'a placeholder stands for nothing',
    explanation: 'A command names an input, an output or a port in braces that the stage does not declare.',
  },
  S034: {
    exit: 4,
    title: 'a command cannot be started',
    explanation: 'The program of an exec stage is not installed, is not on the PATH, or may not be executed.',
  },
  S040: {
    exit: 4,
    title: 'images were left out',
    explanation:
      'With `onBadImage: skip`, images that cannot be read are left out with their rows. The first ones are named; without it the stage fails at the first one.',
  },
  S041: {
    exit: 3,
    title: 'the network does not say how it wants its pixels',
    explanation:
      'Model files rarely say how their input is normalized. Give the preprocess stage `normalize: tf`, `torch`, `caffe`, `unit` or your own mean and std, as the model was trained.',
  },
  S042: {
    exit: 3,
    title: 'features of augmented images are not kept',
    explanation:
      'A row of features is computed once and read in every epoch, so there is nothing to augment. Augmentation takes part where images are read in every epoch: train-network and fine-tune. Extract features from a preprocess stage without `augment`.',
  },
  S043: {
    exit: 6,
    title: 'a network cannot be calibrated',
    explanation:
      '`precision: int8` looks at a sample of the training images for the range of every number in the network. None of them could be read, or the network gives numbers that are not finite.',
  },
  S050: {
    exit: 3,
    title: 'more layers are to be frozen than there are',
    explanation:
      '`freeze: { layers: N }` counts as Keras does, the input being the first layer; `freeze: { blocks: N }` counts the blocks of a built-in network; `freeze: { until: NAME }` names the last frozen layer. `pipe backbone show` lists what there is.',
  },
  S051: {
    exit: 3,
    title: 'a learning rate is given for a layer that is not trained',
    explanation:
      'The keys of `rates` are names of trained layers, of blocks (`block5`), or `backbone` for all pretrained layers. Frozen layers have no rate.',
  },
  S052: {
    exit: 3,
    title: 'a network cannot be trained on',
    explanation:
      'Fine-tuning needs a network whose layers are known: a built-in one, or a Keras file with its architecture. An .onnx file can be run, frozen, by extract-features, and a head trained on its features.',
  },
  S053: {
    exit: 1,
    title: 'a training would not fit into memory',
    explanation:
      'Weights, gradients, the state of the optimizer and the outputs of every layer for a batch are added up before the training starts. A smaller batch, more frozen layers, or pooled features take less.',
  },
  S060: {
    exit: 3,
    title: 'a setting has no effect beside `classifier`',
    explanation:
      'A classifier is solved for, not trained by steps: it has no layers, optimizer, epochs or batches. Remove the setting, or `classifier`; where a file that is extended wrote one, set it to null. `classWeights` works with linear-svm and logistic-regression.',
  },
  S061: {
    exit: 1,
    title: 'a classifier has not converged',
    explanation:
      'The minimum was not reached in the steps that are allowed, mostly because features differ in scale by orders of magnitude or C is very large. Standardize the features, take a smaller C, or allow more steps.',
  },
  S062: {
    exit: 3,
    title: 'more neighbours are asked for than there are rows',
    explanation: 'The k nearest of the training rows vote, so that k can be at most their number.',
  },
  S063: {
    exit: 3,
    title: 'more principal components are asked for than there are',
    explanation:
      'There are at most as many components as features, as training rows, and as directions in which the rows differ (one less than rows).',
  },
  S064: {
    exit: 3,
    title: 'a classifier would take too much memory',
    explanation:
      'The model of k nearest neighbours holds all training rows; principal components need the products of all rows, or of all features, with each other. The message says how much and what is allowed. Pool or reduce the features, or learn from fewer rows.',
  },
  S070: {
    exit: 4,
    title: 'the network below a model cannot be found',
    explanation:
      'A head reads features of a pretrained network. To go from images to classes that network must be there as it was: the same file, by its digest. Features that no extract-features stage made lead back to no images.',
  },
  S071: {
    exit: 3,
    title: 'a model cannot be written in a format',
    explanation:
      'Not every format can say everything: votes of neighbours are no layers, a network that came as an ONNX file cannot become Keras layers, and some activations mean another formula there. The message says which, and what to write instead.',
  },
  S072: {
    exit: 4,
    title: 'an exported model cannot be used',
    explanation:
      'The card beside an exported model (model.json) is missing what is needed, or the model takes features instead of images. Export it with `withBackbone: true`.',
  },
  S080: {
    exit: 1,
    title: 'no trial is the best',
    explanation: 'No trial of the sweep gave a number for its goal, so there are no settings to write.',
  },
  S081: {
    exit: 1,
    title: 'the best settings cannot be written into the file',
    explanation:
      'A copy of the pipeline file with the settings of the best trial would not be the pipeline that the trial ran, since the file builds its settings in a way that a single place cannot change, or has changed since. The message gives the `--set` options that do the same.',
  },
});
