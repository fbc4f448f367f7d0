package io.drover.model.checkpoint;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

import org.jspecify.annotations.Nullable;

/** The tensors of a model directory by name, in {@code model.safetensors} or in the files its index names. */
final class Tensors {
    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";

    private final Path listing;
    private final Map<String, SafetensorsFile> fileOfTensor = new HashMap<>();

    /** Why a whole file cannot be read, for each tensor that it should have. */
    private final Map<String, CheckpointException> lost = new HashMap<>();

    /** Every view handed out, by name: what the digests cover. */
    private final Map<String, TensorView> used = new TreeMap<>();
    private final Map<String, TensorView> usedByExperts = new TreeMap<>();

    private Tensors(final Path listing) {
        this.listing = listing;
    }

    /** @param incomplete whether files of the index may be missing or broken: their tensors are then absent */
    static Tensors open(final Path directory, final Arena arena, final boolean incomplete) {
        final Path single = directory.resolve(SINGLE);
        if (Files.exists(single)) {
            final Tensors tensors = new Tensors(single);
            final SafetensorsFile file = SafetensorsFile.open(single, arena, incomplete);
            file.names().forEach(name -> tensors.fileOfTensor.put(name, file));
            return tensors;
        }
        final Path index = directory.resolve(INDEX);
        if (!Files.exists(index)) {
            throw new CheckpointException(directory + " has neither " + SINGLE + " nor " + INDEX);
        }
        final Tensors tensors = new Tensors(index);
        final JsonFile places = JsonFile.read(index).object("weight_map");
        final Map<String, SafetensorsFile> files = new HashMap<>();
        final Map<String, CheckpointException> broken = new HashMap<>();
        for (final String name : places.keys()) {
            final String file = places.text(name);
            if (file.contains("/") || file.contains("\\") || file.startsWith(".")) {
                throw places.wrong(name, "the name of a file beside the index");
            }
            if (!files.containsKey(file) && !broken.containsKey(file)) {
                try {
                    files.put(file, SafetensorsFile.open(directory.resolve(file), arena, incomplete));
                } catch (final CheckpointException e) {
                    if (!incomplete) {
                        throw e;
                    }
                    broken.put(file, e);
                }
            }
            final CheckpointException loss = broken.get(file);
            if (loss != null) {
                tensors.lost.put(name, loss);
            } else {
                tensors.fileOfTensor.put(name, files.get(file));
            }
        }
        return tensors;
    }

    /** @see SafetensorsFile#view(String, int...) */
    TensorView view(final String name, final int... shape) {
        return view(used, name, shape);
    }

    /** As {@link #view}, of a tensor that belongs to routed experts. */
    TensorView expertView(final String name, final int... shape) {
        return view(usedByExperts, name, shape);
    }

    /** Why there is no such tensor; null if there is one, of whatever shape. */
    @Nullable
    CheckpointException absence(final String name, final int... shape) {
        final SafetensorsFile file = fileOfTensor.get(name);
        return file == null ? lost.getOrDefault(name, SafetensorsFile.missing(listing, name, shape)) : file.absence(name, shape);
    }

    private TensorView view(final Map<String, TensorView> digested, final String name, final int... shape) {
        final SafetensorsFile file = fileOfTensor.get(name);
        if (file == null) {
            throw lost.getOrDefault(name, SafetensorsFile.missing(listing, name, shape));
        }
        final TensorView view = file.view(name, shape);
        digested.put(name, view);
        return view;
    }

    Iterable<TensorView> used() {
        return used.values();
    }

    Iterable<TensorView> usedByExperts() {
        return usedByExperts.values();
    }
}
