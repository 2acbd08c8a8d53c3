import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.WindowStore;

/** The workloads of contest.ts in Kafka Streams: one thread, no cache, defaults otherwise. */
public class KafkaStreamsPeer {
  static final ObjectMapper json = new ObjectMapper();
  static volatile boolean hasSeen = false;
  static long cpuAtFirst = 0;

  public static class Order {
    public String id;
    public String user;
    public int amount;
    public String note;
  }

  public static class Large {
    public String id;
    public long cents;

    Large(String id, long cents) {
      this.id = id;
      this.cents = cents;
    }
  }

  public static class Payment {
    public String order;
    public int paid;
    public String method;
  }

  public static class Paid {
    public String id;
    public int amount;
    public int paid;

    Paid(String id, int amount, int paid) {
      this.id = id;
      this.amount = amount;
      this.paid = paid;
    }
  }

  public static void main(String[] args) throws Exception {
    JsonNode contest = json.readTree(args[0]);
    String input = contest.get("input").asText();
    String output = contest.get("output").asText();
    StreamsBuilder builder = new StreamsBuilder();
    switch (contest.get("workload").asText()) {
      case "filter" -> builder.stream(input, Consumed.with(Serdes.String(), of(Order.class)))
          .filter((user, order) -> seen() && order.amount >= 100)
          .mapValues(order -> new Large(order.id, order.amount * 100L))
          .to(output, Produced.with(Serdes.String(), of(Large.class)));
      case "count" -> builder.stream(input, Consumed.with(Serdes.String(), Serdes.ByteArray()))
          .peek((user, order) -> seen())
          .groupByKey()
          .count(Materialized.as("counts"))
          .toStream()
          .to(output, Produced.with(Serdes.String(), Serdes.Long()));
      case "words" -> builder.stream(input, Consumed.with(Serdes.ByteArray(), Serdes.String()))
          .peek((key, line) -> seen())
          .flatMapValues(line -> Arrays.asList(line.split(" ")))
          .groupBy((key, word) -> word, Grouped.with(Serdes.String(), Serdes.String()))
          .count(Materialized.as("words"))
          .toStream()
          .to(output, Produced.with(Serdes.String(), Serdes.Long()));
      case "windows" -> builder.stream(input, Consumed.with(Serdes.String(), Serdes.ByteArray()))
          .peek((user, order) -> seen())
          .groupByKey()
          .windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofSeconds(10)))
          // No longer than needed: the default is a day.
          .count(Materialized.<String, Long, WindowStore<Bytes, byte[]>>as("windows").withRetention(Duration.ofSeconds(10)))
          .toStream()
          .to(output, Produced.with(WindowedSerdes.timeWindowedSerdeFrom(String.class, 10_000), Serdes.Long()));
      case "join" -> builder.stream(input, Consumed.with(Serdes.String(), of(Order.class)))
          .peek((id, order) -> seen())
          .join(
              builder.stream(contest.get("other").asText(), Consumed.with(Serdes.String(), of(Payment.class))).peek((id, payment) -> seen()),
              (order, payment) -> new Paid(order.id, order.amount, payment.paid),
              JoinWindows.ofTimeDifferenceAndGrace(Duration.ofMinutes(1), Duration.ofMinutes(1)),
              StreamJoined.with(Serdes.String(), of(Order.class), of(Payment.class)))
          .to(output, Produced.with(Serdes.String(), of(Paid.class)));
      case "restore" -> builder.stream(input, Consumed.with(Serdes.String(), Serdes.String()))
          .peek((key, value) -> seen())
          .toTable(Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("rows").withKeySerde(Serdes.String()).withValueSerde(Serdes.String()))
          .toStream()
          .to(output, Produced.with(Serdes.String(), Serdes.String()));
      default -> throw new IllegalArgumentException(args[0]);
    }

    Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, contest.get("id").asText());
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, contest.get("brokers").get(0).asText());
    config.put(StreamsConfig.STATE_DIR_CONFIG, contest.get("stateDir").asText());
    config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
    config.put("auto.offset.reset", "earliest");
    if (contest.get("delivery").asText().equals("exactly-once"))
      config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);

    boolean isRestore = contest.get("workload").asText().equals("restore");
    KafkaStreams streams = new KafkaStreams(builder.build(), config);
    streams.setGlobalStateRestoreListener(new Restored());
    CountDownLatch ended = new CountDownLatch(1);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      streams.close(CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP));
      System.out.printf("{\"cpuUs\":%d,\"rssKb\":%d}%n", (cpu() - (isRestore ? 0 : cpuAtFirst)) / 1000, peakRss());
      System.out.flush();
      ended.countDown();
    }));
    streams.start();
    ended.await();
  }

  /** Says when the first record is here; always true. */
  static boolean seen() {
    if (!hasSeen) {
      hasSeen = true;
      cpuAtFirst = cpu();
      System.out.printf("{\"firstAt\":%d}%n", System.currentTimeMillis());
      System.out.flush();
    }
    return true;
  }

  static long cpu() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
  }

  static long peakRss() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status")))
        if (line.startsWith("VmHWM:")) return Long.parseLong(line.replaceAll("[^0-9]", ""));
    } catch (IOException notLinux) {
      return 0;
    }
    return 0;
  }

  static class Restored implements StateRestoreListener {
    long from = 0;
    long to = 0;
    long rows = 0;

    public synchronized void onRestoreStart(TopicPartition at, String store, long start, long end) {
      if (from == 0) from = System.currentTimeMillis();
    }

    public void onBatchRestored(TopicPartition at, String store, long end, long count) {}

    public synchronized void onRestoreEnd(TopicPartition at, String store, long total) {
      to = System.currentTimeMillis();
      rows += total;
      System.out.printf("{\"restored\":%d,\"restoreMs\":%d}%n", rows, to - from);
      System.out.flush();
    }
  }

  static <A> Serde<A> of(Class<A> type) {
    Serializer<A> write = (topic, value) -> {
      try {
        return json.writeValueAsBytes(value);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    };
    Deserializer<A> read = (topic, bytes) -> {
      try {
        return json.readValue(bytes, type);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    };
    return Serdes.serdeFrom(write, read);
  }
}
