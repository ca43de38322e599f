"""The queues a consumer can read: RabbitMQ (`amqp`) and the on-disk spool (`spool`), behind one small interface."""
