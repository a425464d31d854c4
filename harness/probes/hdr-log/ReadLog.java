import java.io.File;
import java.util.Locale;
import org.HdrHistogram.EncodableHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogReader;

/** Prints a line for each interval of a log, as HdrHistogram's own reader sees it: tag, start, count, quantiles. */
public final class ReadLog {
    public static void main(String[] arguments) throws Exception {
        HistogramLogReader reader = new HistogramLogReader(new File(arguments[0]));
        while (reader.hasNext()) {
            EncodableHistogram next = reader.nextIntervalHistogram();
            if (next == null) {
                break;
            }
            Histogram histogram = (Histogram) next;
            double started = (histogram.getStartTimeStamp() / 1000.0) - reader.getStartTimeSec();
            System.out.printf(Locale.ROOT, "%s\t%.3f\t%d\t%d\t%d\t%d\t%d%n", histogram.getTag(), started,
                histogram.getTotalCount(), histogram.getValueAtPercentile(50), histogram.getValueAtPercentile(90),
                histogram.getValueAtPercentile(99), histogram.getMaxValue());
        }
    }
}
