/** TypeBox schema of what every kind of training takes. Imported by `params.ts` files alone. */
import { type TProperties, Type } from 'typebox';
import { scheduleDefaults } from './learning-rate.ts';
import { earlyStoppingDefaults, monitors } from './monitor.ts';
import { optimizerDefaults, optimizerNames } from './optimizer-settings.ts';
import { trainingDefaults } from './training-settings.ts';

const closed = { additionalProperties: false };

const settingDescriptions: Readonly<Record<string, string>> = {
  learningRate: 'Learning rate.',
  momentum: 'Share of the last step that goes on.',
  nesterov: 'Whether the momentum looks ahead.',
  decay: 'The rate of step n (from 0) is divided by 1 + decay · n, as in old Keras.',
  rho: 'Weight of the old moving average of squared gradients.',
  epsilon: 'Keeps the division from blowing up.',
  centered: 'Whether the mean gradient is subtracted.',
  beta1: 'Weight of the old first moment.',
  beta2: 'Weight of the old second moment.',
  initialAccumulator: 'What the sums of squared gradients start with.',
};

const shares = ['momentum', 'rho', 'beta1', 'beta2'];

function optimizerSettings(defaults: Readonly<Record<string, number | boolean>>) {
  const properties: TProperties = {};
  for (const [key, value] of Object.entries(defaults)) {
    const about = { default: value, description: settingDescriptions[key] ?? key };
    const bounds = shares.includes(key)
      ? { minimum: 0, maximum: 1 }
      : key === 'learningRate' || key === 'epsilon'
        ? { exclusiveMinimum: 0 }
        : { minimum: 0 };
    properties[key] = Type.Optional(
      typeof value === 'boolean' ? Type.Boolean(about) : Type.Number({ ...bounds, ...about }),
    );
  }
  return Type.Object(properties, closed);
}

const factor = (fallback: number) =>
  Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      default: fallback,
      description: 'What the rate is multiplied with.',
    }),
  );
const monitor = Type.Optional(
  Type.Enum([...monitors], {
    default: earlyStoppingDefaults.monitor,
    description: 'The figure of each epoch that should improve.',
  }),
);

const s = scheduleDefaults;
const schedule = Type.Union(
  [
    Type.Literal('constant', { description: 'The same rate in every epoch.' }),
    Type.Object(
      {
        step: Type.Object(
          {
            every: Type.Optional(
              Type.Integer({ minimum: 1, default: s.step.every, description: 'Epochs between two cuts.' }),
            ),
            factor: factor(s.step.factor),
          },
          closed,
        ),
      },
      { ...closed, description: 'A cut every few epochs.' },
    ),
    Type.Object(
      { exponential: Type.Object({ factor: factor(s.exponential.factor) }, closed) },
      { ...closed, description: 'A cut after every epoch.' },
    ),
    Type.Literal('cosine', { description: 'Half a cosine down to 0 over all epochs.' }),
    Type.Object(
      {
        cosine: Type.Object(
          {
            final: Type.Optional(
              Type.Number({
                minimum: 0,
                maximum: 1,
                default: s.cosine.final,
                description: 'The last rate as a share of the first.',
              }),
            ),
          },
          closed,
        ),
      },
      { ...closed, description: 'Half a cosine over all epochs.' },
    ),
    Type.Object(
      {
        reduceOnPlateau: Type.Object(
          {
            monitor,
            factor: factor(s.reduceOnPlateau.factor),
            patience: Type.Optional(
              Type.Integer({
                minimum: 1,
                default: s.reduceOnPlateau.patience,
                description: 'Epochs without improvement before a cut.',
              }),
            ),
            minimum: Type.Optional(
              Type.Number({
                minimum: 0,
                default: s.reduceOnPlateau.minimum,
                description: 'The rate never falls below it.',
              }),
            ),
          },
          closed,
        ),
      },
      { ...closed, description: 'A cut after some epochs without improvement.' },
    ),
  ],
  { default: trainingDefaults.learningRateSchedule, description: 'How the learning rate changes from epoch to epoch.' },
);

/** Properties of the optimizer, the loop and what steers them. */
export const trainingSchema = {
  optimizer: Type.Optional(
    Type.Union(
      [
        Type.Enum([...optimizerNames], { description: "A name alone takes Keras' defaults." }),
        ...optimizerNames.map((name) =>
          Type.Object(
            { [name]: optimizerSettings(optimizerDefaults[name]) },
            { ...closed, description: `Keras' ${name} with settings of its own.` },
          ),
        ),
      ],
      {
        default: trainingDefaults.optimizer,
        description: 'The optimizer: a name, or a map of the name and its settings.',
      },
    ),
  ),
  loss: Type.Optional(
    Type.Enum(['cross-entropy'], { default: trainingDefaults.loss, description: 'Softmax cross-entropy.' }),
  ),
  epochs: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: trainingDefaults.epochs,
      description: 'Passes over the training rows.',
    }),
  ),
  batch: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 65_536, default: trainingDefaults.batch, description: 'Rows a step.' }),
  ),
  shuffle: Type.Optional(
    Type.Boolean({
      default: trainingDefaults.shuffle,
      description: 'Whether each epoch takes the rows in a new order, drawn from the seed.',
    }),
  ),
  learningRateSchedule: Type.Optional(schedule),
  earlyStopping: Type.Optional(
    Type.Union(
      [
        Type.Literal('none'),
        Type.Object(
          {
            monitor,
            patience: Type.Optional(
              Type.Integer({
                minimum: 1,
                default: earlyStoppingDefaults.patience,
                description: 'Epochs without improvement before the training stops.',
              }),
            ),
            restoreBest: Type.Optional(
              Type.Boolean({
                default: earlyStoppingDefaults.restoreBest,
                description: "Whether the model gets the best epoch's weights instead of the last one's.",
              }),
            ),
          },
          closed,
        ),
      ],
      { default: trainingDefaults.earlyStopping, description: 'Stops when the validation split improves no more.' },
    ),
  ),
  classWeights: Type.Optional(
    Type.Union([Type.Enum(['none', 'balanced']), Type.Record(Type.String(), Type.Number({ minimum: 0 }))], {
      default: trainingDefaults.classWeights,
      description:
        'Weight of the classes in the loss: balanced is rows / (classes · rows of the class); a map gives them by name.',
    }),
  ),
};
