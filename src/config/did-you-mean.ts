export { didYouMean, nearest } from '../base/did-you-mean.ts';
