import { defineCodes } from './code.ts';

export const dataCodes = defineCodes({
  D001: {
    exit: 4,
    title: 'an input file is missing',
    explanation: 'A path named in the pipeline file does not exist. Relative paths start at the file that wrote them.',
  },
  D002: {
    exit: 4,
    title: 'an input is not a file',
    explanation: 'A folder or device stands where a file is expected.',
  },
  D003: { exit: 4, title: 'an input cannot be read', explanation: 'The system refuses, or the disk reports an error.' },
  D010: {
    exit: 4,
    title: 'one image under two labels',
    explanation: 'The same bytes are listed under different labels; one of them must be wrong.',
  },
  D011: {
    exit: 4,
    title: 'copies of an image',
    explanation: 'A warning: the same bytes are listed more than once. A split keeps copies on one side.',
  },
  D012: {
    exit: 4,
    title: 'labels that look alike',
    explanation: 'A warning: labels differ only in case, spaces or Unicode form, and are probably one class.',
  },
  D013: { exit: 4, title: 'images are missing', explanation: 'Files that a CSV names are not in the image folder.' },
  D014: {
    exit: 4,
    title: 'a name leaves the image folder',
    explanation: 'A symbolic link leads out of the folder that holds the images, or to nothing.',
  },
  D015: {
    exit: 4,
    title: 'nothing to learn from',
    explanation: 'Training needs labelled images of at least two classes.',
  },
  D016: {
    exit: 4,
    title: 'a split that cannot be made',
    explanation: 'More rows are asked for than there are, or a class would be left without any.',
  },
  D017: {
    exit: 4,
    title: 'a class is missing from a split',
    explanation: 'A warning: metrics of that split say nothing about the class.',
  },
  D018: {
    exit: 4,
    title: 'images of another format than their names say',
    explanation: 'A warning: images are read by their content, so that nothing is lost but clarity.',
  },
  D020: {
    exit: 4,
    title: 'a CSV that is not UTF-8',
    explanation: 'Save it as UTF-8, with or without a byte order mark.',
  },
  D021: {
    exit: 4,
    title: 'a row with too few or too many cells',
    explanation: 'Every row has as many cells as the header; quote cells that hold the delimiter.',
  },
  D022: { exit: 4, title: 'an empty label', explanation: 'A row of a labelled CSV has no label.' },
  D023: {
    exit: 4,
    title: 'a file name that is not allowed',
    explanation: 'Names are relative to the image folder and stay inside it.',
  },
  D024: { exit: 4, title: 'an empty CSV', explanation: 'There are no rows to read.' },
  D025: {
    exit: 4,
    title: 'a column is missing or there twice',
    explanation: 'The columns are called `filename` and `label`, or what `filenameColumn` and `labelColumn` say.',
  },
  D026: {
    exit: 4,
    title: 'a CSV that cannot be parsed',
    explanation: 'The message says where; most often a quote mark is not closed.',
  },
  D027: {
    exit: 4,
    title: 'a file listed twice',
    explanation:
      'A CSV names the same file on two lines. Under one label that is a warning, and the second line is left out; under two it is an error.',
  },
  D030: {
    exit: 4,
    title: 'a folder that is no data set',
    explanation: 'A folder data set has one folder a class, with images in it.',
  },
  D040: {
    exit: 4,
    title: 'not an IDX file',
    explanation:
      'The file is damaged, cut short, or of another format than its name says. Images are bytes with three extents (count, height, width) or four (and 1 or 3 channels), labels bytes with one.',
  },
  D041: {
    exit: 4,
    title: 'not a CIFAR file',
    explanation:
      'The file is damaged, cut short, or of another format than `format` says. The binary version of CIFAR-10 has records of 3,073 bytes, that of CIFAR-100 of 3,074.',
  },
  D042: {
    exit: 4,
    title: 'names of labels that do not fit',
    explanation: 'A text file of class names has one name a line for every label, label 0 first, and no name twice.',
  },
  I001: {
    exit: 4,
    title: 'an image that cannot be decoded',
    explanation: 'It is damaged, cut short, or no image. `onBadImage: skip` leaves it out and counts it.',
  },
  I002: {
    exit: 4,
    title: 'an image format that is not read',
    explanation: 'PNG, JPEG, WebP and GIF (first frame) are read, by content and not by name.',
  },
  I003: {
    exit: 4,
    title: 'an image is too large',
    explanation: 'More than 64 million pixels: refused before anything is decoded.',
  },
  I004: {
    exit: 4,
    title: 'an image changed during the run',
    explanation: 'Its bytes are not those that were listed. Run again.',
  },
  I005: {
    exit: 4,
    title: 'a thread that prepares images broke down',
    explanation: 'It used up its memory, or was ended from outside. What was finished is kept; run again.',
  },
});
