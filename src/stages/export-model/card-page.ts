/** A model's card as Markdown. */
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../../base/json.ts';

/** Lines of how to use each format. */
const USES: Readonly<Record<string, (file: string) => readonly string[]>> = {
  onnx: (file) => [
    'python',
    'import onnxruntime',
    `session = onnxruntime.InferenceSession('${file}')`,
    'probabilities, = session.run(None, {session.get_inputs()[0].name: x})',
  ],
  tfjs: (file) => [
    'js',
    `const model = await tf.loadLayersModel('${file}');`,
    'const probabilities = model.predict(x);',
  ],
  'keras-h5': (file) => [
    'python',
    'import keras',
    `model = keras.saving.load_model('${file}', compile=False)`,
    'probabilities = model.predict(x)',
  ],
  keras: (file) => [
    'python',
    'import keras',
    `model = keras.saving.load_model('${file}')`,
    'probabilities = model.predict(x)',
  ],
};

export function cardPage(card: JsonObject): string {
  const model = mapAt(card, 'model');
  const pipeline = mapAt(card, 'pipeline');
  const input = mapAt(card, 'input');
  const shape = listAt(input, 'shape').join(' × ');
  const pixels = card['reads'] === 'pixels';
  const what = pixels ? `pixels [${shape}], ${text(input['channels'])}, 0 to 255` : `features [${shape}]`;
  const [language = '', ...use] = USES[String(model['format'])]?.(String(model['file'])) ?? [];
  const sections = [
    [`# ${text(pipeline['name'])}: ${text(model['file'])}`],
    [`Takes a batch of ${what}; gives the probabilities of ${listAt(card, 'classes').length} classes.`],
    [`\`\`\`${language}`, ...use, '```'],
    [
      '## Classes',
      listAt(card, 'classes')
        .map((name, i) => `${i}. ${text(name)}`)
        .join('\n'),
    ],
    ['## Preprocessing', preprocessing(card, pixels)],
    ['## Backbone', table(mapAt(card, 'backbone'), 'none: the whole network was trained')],
    ['## Metrics', table(mapAt(card, 'metrics'), 'not measured: give the stage `metrics` of an evaluate stage')],
    ['## Training', table(mapAt(mapAt(card, 'training'), 'last'), 'solved for, not trained by steps')],
    ['## Data', table(mapAt(card, 'data'), 'unknown')],
    [
      '## Origin',
      table(
        {
          pipeline: pipeline['name'] ?? null,
          commit: pipeline['commit'] ?? null,
          parameters: card['parameters'] ?? null,
        },
        '',
      ),
    ],
    ['## Files', table(mapAt(card, 'files'), '')],
    ['`model.json` says all this, and the settings of every stage, to programs.'],
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

const DECODING =
  'Images are turned upright (EXIF), brought to sRGB where they carry a colour profile, and laid on white where they are transparent; `bilinear` is antialiased, as in Pillow.';

function preprocessing(card: JsonObject, pixels: boolean): string {
  const where = pixels
    ? 'Resize each image as below and give its bytes as they are: `normalize` happens inside the model.'
    : 'The features are those of the backbone below, on images prepared like this.';
  return `${where} ${DECODING}\n\n${table(mapAt(card, 'preprocessing'), 'unknown')}`;
}

function table(members: JsonObject, otherwise: string): string {
  const entries = Object.entries(members).filter(([, value]) => value !== null);
  if (entries.length === 0) return otherwise;
  return ['| | |', '|---|---|', ...entries.map(([key, value]) => `| ${text(key)} | ${text(value)} |`)].join('\n');
}

/** Text from outside in Markdown: on one line, and nothing in it is markup. */
function text(value: Json | undefined): string {
  const plain = typeof value === 'string' ? value : JSON.stringify(value ?? null);
  return plain.replace(/[\r\n\u2028\u2029]+/g, ' ').replace(/[\\`*_[\]<>|#&!]/g, '\\$&');
}

function mapAt(card: JsonObject, key: string): JsonObject {
  const value = card[key];
  return isJsonObject(value) ? value : {};
}

function listAt(card: JsonObject, key: string): readonly Json[] {
  const value = card[key];
  return value && isJsonArray(value) ? value : [];
}
