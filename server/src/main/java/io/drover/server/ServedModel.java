package io.drover.server;

import java.util.Set;

import io.drover.actors.Gateway;

/**
 * The model behind the door.
 *
 * @param name         as in {@code /v1/models}
 * @param maxPositions the context: prompt and completion together
 * @param vocabSize    ids are below this
 * @param eosTokenIds  ids that end a generation
 * @param text         its tokenizer and chat template
 * @param gateway      where sequences are submitted
 */
record ServedModel(String name, int maxPositions, int vocabSize, Set<Integer> eosTokenIds, TextCodec text, Gateway gateway) {

    ServedModel {
        eosTokenIds = Set.copyOf(eosTokenIds);
    }
}
