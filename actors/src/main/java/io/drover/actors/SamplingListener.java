package io.drover.actors;

import java.util.List;
import java.util.stream.Stream;

import io.drover.model.Sampler;

/** Draws the next token of a sequence from its logits and hands it to the home's desk. */
final class SamplingListener implements LayerEngine.Listener {
    private final HomeDesk home;
    private final Sampler sampler;
    private final List<Integer> eosTokenIds;

    SamplingListener(final HomeDesk home, final Sampler sampler, final List<Integer> eosTokenIds) {
        this.home = home;
        this.sampler = sampler;
        this.eosTokenIds = eosTokenIds;
    }

    @Override
    public void sampled(final Sequence sequence, final float[] logits, final int offset) {
        final int[] banned = home.stopsAreBanned(sequence)
                ? Stream.concat(eosTokenIds.stream(), sequence.request.stopTokenIds().stream())
                        .mapToInt(Integer::intValue)
                        .toArray()
                : Sampler.NONE_BANNED;
        final int token = sampler.sample(logits, offset, sequence.request.sampling(), sequence.length(), banned);
        home.onToken(sequence, token, System.nanoTime());
    }

    @Override
    public void failed(final Sequence sequence, final String code, final String message) {
        home.fail(sequence, code, message, System.nanoTime());
    }
}
