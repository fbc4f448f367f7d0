/**
 * Text: strings to token ids and back, conversations to prompts.
 *
 * <p>
 * A model reads and writes ids of tokens, byte sequences of a fixed vocabulary that need not be whole characters. A chat model was
 * trained on conversations written in one exact way; its chat template, a Jinja program in the model directory, writes them so. Both are
 * data of the model and both are done by well-kept libraries; what is here makes them safe to use: nothing reaches for a network, no text
 * of a user is taken for code, and what a library would get wrong without a word is refused.
 *
 * <p>
 * Start at {@link io.drover.model.text.ModelText}: prompts as ids. {@link io.drover.model.text.TokenTextStream} turns ids into text as
 * they come, never splitting a character.
 */
@NullMarked
package io.drover.model.text;

import org.jspecify.annotations.NullMarked;
