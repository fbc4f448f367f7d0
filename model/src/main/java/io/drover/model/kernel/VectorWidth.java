package io.drover.model.kernel;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.constant.ConstantDescs;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Defines a kernel class once per vector width. The compiler turns Vector API calls into instructions only where the species is a
 * constant, and a class has constants of its own; so one source becomes several hidden classes, each with its width as class data.
 */
final class VectorWidth {
    private VectorWidth() {}

    /** An instance of the template, defined anew for vectors of {@code bits}. */
    static <T> T define(final Class<T> contract, final Class<? extends T> template, final int bits) {
        final MethodHandles.Lookup lookup = MethodHandles.lookup();
        try (InputStream bytes = template.getResourceAsStream(template.getSimpleName() + ".class")) {
            final MethodHandles.Lookup defined = lookup.defineHiddenClassWithClassData(bytes.readAllBytes(), bits, true);
            return contract.cast(defined.findConstructor(defined.lookupClass(), MethodType.methodType(void.class)).invoke());
        } catch (final IOException e) {
            throw new UncheckedIOException("cannot read the class file of " + template, e);
        } catch (final Throwable t) {
            throw new IllegalStateException("cannot define " + template + " for vectors of " + bits + " bits", t);
        }
    }

    /** The species of the class that the lookup belongs to. */
    static VectorSpecies<Float> floats(final MethodHandles.Lookup definedClass) {
        return bits(definedClass) == 512 ? FloatVector.SPECIES_512 : FloatVector.SPECIES_256;
    }

    /** The species of the class that the lookup belongs to. */
    static VectorSpecies<Integer> ints(final MethodHandles.Lookup definedClass) {
        return bits(definedClass) == 512 ? IntVector.SPECIES_512 : IntVector.SPECIES_256;
    }

    private static int bits(final MethodHandles.Lookup definedClass) {
        try {
            return MethodHandles.classData(definedClass, ConstantDescs.DEFAULT_NAME, Integer.class);
        } catch (final IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }
}
